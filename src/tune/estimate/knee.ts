/**
 * The knee N* = X_max · R_min of a closed sweep, from the log-hinge (`hinge.ts`), with a 95 % interval by bootstrap.
 *
 * In order: too little for an answer → inconclusive; throughput not level at the end → not reached; fit; cross-checks.
 */

import type { KneeEstimate, LevelThroughputs } from "../types.ts";
import { resampled } from "./bootstrap.ts";
import { isFlat } from "./flat.ts";
import { fitHinge, type Hinge } from "./hinge.ts";
import { checkedLevels } from "./input.ts";
import { randomFrom } from "./random.ts";
import { median, quantileOfSorted, sorted } from "./statistics.ts";

export interface KneeOptions {
  /** Of the bootstrap. @default 1 */
  readonly seed?: number;
  /** How many bootstrap samples. @default 1000 */
  readonly resamples?: number;
}

/** With fewer, a hinge fits whatever was measured. */
const LEAST_LEVELS = 4;

/** The knee, and X_max · R_min, may differ by this share. */
const DISAGREEMENT = 0.25;

export function estimateKnee(levels: readonly LevelThroughputs[], options: KneeOptions = {}): KneeEstimate {
  const { seed = 1, resamples = 1000 } = options;
  const checked = answering(levels);
  if (checked.length < LEAST_LEVELS) {
    return { inconclusive: `only ${checked.length} concurrencies with answers; a knee needs at least ${LEAST_LEVELS}` };
  }
  if (!isFlat(checked)) return { notReached: true, seenUpTo: checked.at(-1)?.concurrency as number };
  const { knee, roof } = hingeOf(checked);
  const first = checked[0] as LevelThroughputs;
  const crossing = (roof * first.concurrency) / median(first.throughputs);
  if (Math.abs(Math.log(crossing / knee)) > Math.log(1 + DISAGREEMENT)) {
    return { inconclusive: `the fitted knee is ${knee.toFixed(1)}, but X_max · R_min is ${crossing.toFixed(1)}` };
  }
  const random = randomFrom(seed);
  const [logN, logX] = logs(checked);
  const knees = sorted(Array.from({ length: resamples }, () => fitHinge(logN, resampled(logX, random)).knee));
  return { value: knee, low: quantileOfSorted(knees, 0.025), high: quantileOfSorted(knees, 0.975) };
}

/** The roof of throughput, in answers per second: the level part of the hinge. Without two levels the highest that was seen; 0: none. */
export function throughputMax(levels: readonly LevelThroughputs[]): number {
  const checked = answering(levels);
  return checked.length < 2 ? median(checked[0]?.throughputs ?? [0]) : hingeOf(checked).roof;
}

function hingeOf(levels: readonly LevelThroughputs[]): Hinge {
  return fitHinge(...logs(levels));
}

/** Without the repetitions that had no answer: they have no logarithm. */
function answering(levels: readonly LevelThroughputs[]): LevelThroughputs[] {
  return checkedLevels(
    checkedLevels(levels).map(({ concurrency, throughputs }) => ({
      concurrency,
      throughputs: throughputs.filter((throughput) => throughput > 0),
    })),
  );
}

function logs(levels: readonly LevelThroughputs[]): [logN: number[], logX: number[][]] {
  return [
    levels.map(({ concurrency }) => Math.log(concurrency)),
    levels.map(({ throughputs }) => throughputs.map((throughput) => Math.log(throughput))),
  ];
}
