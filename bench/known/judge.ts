/** Compares what was measured with what is known. Pure. */
import type { KneeEstimate, LeftOut, Recommendation, TuneResult } from "../../src/tune/types.ts";
import type { ShapeCase, Truth } from "./cases.ts";

/** How far from the truth the answer may be. */
export const KNEE_WITHIN = 0.15;
export const THROUGHPUT_WITHIN = 0.05;
/** How far from their median the answers of several runs may be. */
export const RUNS_WITHIN = 0.15;

export interface KneeRun {
  readonly knee: KneeEstimate;
  readonly throughputMax: number;
  readonly seconds: number;
  readonly samples: number;
  /** By reason. */
  readonly leftOut: Readonly<Partial<Record<LeftOut, number>>>;
  readonly notes: readonly string[];
}

export function kneeRunOf({ knee, throughputMax, seconds, levels, notes }: TuneResult): KneeRun {
  const samples = levels.flatMap((level) => level.samples);
  const leftOut: Partial<Record<LeftOut, number>> = {};
  for (const { leftOut: why } of samples) if (why !== undefined) leftOut[why] = (leftOut[why] ?? 0) + 1;
  return { knee, throughputMax, seconds: Math.round(seconds), samples: samples.length, leftOut, notes };
}

export type Verdict = "right" | "wrong" | "no answer";

export interface KneeVerdict {
  readonly knee: Verdict;
  readonly throughput: Verdict;
  /** Relative; absent without an answer. */
  readonly kneeError?: number;
  readonly throughputError: number;
  /** Whether the interval that was told holds the truth. */
  readonly isCovered?: boolean;
}

export function judgeKnee({ knee, throughputMax }: KneeRun, truth: Truth): KneeVerdict {
  const throughputError = throughputMax / truth.throughput - 1;
  const throughput = Math.abs(throughputError) <= THROUGHPUT_WITHIN ? "right" : "wrong";
  if (!("value" in knee)) return { knee: "no answer", throughput, throughputError };
  const kneeError = knee.value / truth.knee - 1;
  return {
    knee: Math.abs(kneeError) <= KNEE_WITHIN ? "right" : "wrong",
    throughput,
    kneeError,
    throughputError,
    isCovered: knee.low <= truth.knee && truth.knee <= knee.high,
  };
}

/** Whether all answers are within RUNS_WITHIN of their median. Runs without an answer are not counted. */
export function judgeAgreement(runs: readonly KneeRun[]): { readonly verdict: Verdict; readonly furthest: number } {
  const values = runs.flatMap(({ knee }) => ("value" in knee ? [knee.value] : [])).toSorted((a, b) => a - b);
  if (values.length < 2) return { verdict: "no answer", furthest: NaN };
  const middle = values[values.length >> 1]!;
  const furthest = Math.max(...values.map((value) => Math.abs(value / middle - 1)));
  return { verdict: furthest <= RUNS_WITHIN ? "right" : "wrong", furthest };
}

export function judgeShape({ model, threads }: Recommendation, known: ShapeCase): Verdict {
  const { models, threads: wanted } = known;
  if (!models.includes(model)) return "wrong";
  return wanted === undefined || (threads >= wanted.least && threads <= wanted.most) ? "right" : "wrong";
}

/** Why there was no answer, with how often. */
export function withoutAnswer(runs: readonly KneeRun[]): ReadonlyMap<string, number> {
  const reasons = new Map<string, number>();
  for (const { knee } of runs) {
    if ("value" in knee) continue;
    const why = "inconclusive" in knee ? `inconclusive: ${knee.inconclusive}` : `not reached up to ${knee.seenUpTo}`;
    reasons.set(why, (reasons.get(why) ?? 0) + 1);
  }
  return reasons;
}
