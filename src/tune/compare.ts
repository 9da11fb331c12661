/**
 * Whether a change of the app moved its knee. Pure: two results in, a verdict out.
 *
 * The knee is a point: N* requests in flight, X_max answers per second. It moved if one of the two did, by more than noise:
 *
 * - N*: the 95 % intervals do not meet, and the values differ by more than 15 %: that much do repeated runs of one tune differ.
 * - X_max: it differs by more than 10 %, and by more than twice what the repetitions of a level scatter.
 *
 * p95 at the knee is told beside it and decides nothing: bursts of the machine move it by a third.
 */

import { HeddleError, messageOf } from "../errors/errors.ts";
import { isPositive, isPositiveOrZero } from "./estimate/input.ts";
import type { KneeEstimate, Level, Sample, ShapeResult, TuneResult } from "./types.ts";
import { formatShape, isSameShape } from "./shape.ts";
import { counted } from "./sweep/levels.ts";

export interface Comparison {
  /** `unknown`: one of the results has no answer to compare. */
  readonly verdict: "moved" | "same" | "unknown";
  /** What changed and what did not, a sentence each. */
  readonly sentences: readonly string[];
}

const KNEE_NOISE = 0.15;
const THROUGHPUT_NOISE = 0.1;

/** The shape that `before` recommends, in both results if both measured it, else what each recommends. */
export function compareResults(before: TuneResult, after: TuneResult): Comparison {
  const [first] = before.shapes;
  const same = first === undefined ? undefined : after.shapes.find(({ shape }) => isSameShape(shape, first.shape));
  const [old, now] = [first, same ?? after.shapes[0]];
  if (old === undefined || now === undefined) {
    return { verdict: "unknown", sentences: ["One of the two results has no measured shape."] };
  }
  const sentences: string[] = [];
  if (same === undefined) {
    sentences.push(`The shapes differ: ${formatShape(old.shape)} before, ${formatShape(now.shape)} now.`);
  }
  if (before.machine.cpu !== after.machine.cpu || before.machine.cores !== after.machine.cores) {
    sentences.push(
      `The machines differ: ${before.machine.cores} × ${before.machine.cpu} before, ${after.machine.cores} × ${after.machine.cpu} now.`,
    );
  }
  const knee = compareKnees(old.knee, now.knee);
  const throughput = compareThroughputs(old, now);
  sentences.push(knee.sentence, throughput.sentence);
  if (old.p95AtKneeMs !== undefined && now.p95AtKneeMs !== undefined) {
    sentences.push(`p95 at the knee: ${old.p95AtKneeMs.toFixed(1)} ms before, ${now.p95AtKneeMs.toFixed(1)} ms now.`);
  }
  const verdicts = [knee.verdict, throughput.verdict];
  const verdict = verdicts.includes("moved") ? "moved" : verdicts.includes("unknown") ? "unknown" : "same";
  return { verdict, sentences };
}

interface Part {
  readonly verdict: Comparison["verdict"];
  readonly sentence: string;
}

function compareKnees(before: KneeEstimate, after: KneeEstimate): Part {
  const texts = `${kneeText(before)} before, ${kneeText(after)} now`;
  if ("inconclusive" in before || "inconclusive" in after) {
    return { verdict: "unknown", sentence: `The knees cannot be compared: ${texts}.` };
  }
  const [old, now] = [intervalOf(before), intervalOf(after)];
  const isBeyond = old.high * (1 + KNEE_NOISE) < now.low || now.high * (1 + KNEE_NOISE) < old.low;
  const isApart = old.high < now.low || now.high < old.low;
  const moved =
    "value" in before && "value" in after ? isApart && differ(before.value, after.value, KNEE_NOISE) : isBeyond;
  return moved
    ? { verdict: "moved", sentence: `The knee moved: ${texts}.` }
    : { verdict: "same", sentence: `The knee is where it was, within noise: ${texts}.` };
}

/** A knee that was not reached is anywhere above what was seen. */
function intervalOf(knee: Exclude<KneeEstimate, { inconclusive: string }>): { low: number; high: number } {
  return "value" in knee ? knee : { low: knee.seenUpTo, high: Infinity };
}

function kneeText(knee: KneeEstimate): string {
  if ("value" in knee) return `${round(knee.value)} (${round(knee.low)} to ${round(knee.high)})`;
  return "notReached" in knee ? `not reached up to ${knee.seenUpTo}` : "inconclusive";
}

function compareThroughputs(before: ShapeResult, after: ShapeResult): Part {
  const [old, now] = [before.throughputMax, after.throughputMax];
  const noise = Math.max(THROUGHPUT_NOISE, 2 * Math.hypot(scatter(before), scatter(after)));
  const texts = `${Math.round(old)} answers/s before, ${Math.round(now)} now`;
  // A throughput that still rose says nothing of its roof.
  if (!("value" in before.knee) || !("value" in after.knee)) {
    return { verdict: "same", sentence: `The highest throughput that was seen: ${texts}.` };
  }
  const percent = Math.round((now / old - 1) * 100);
  return differ(old, now, noise)
    ? {
        verdict: "moved",
        sentence: `The throughput at the knee ${now > old ? "rose" : "fell"} by ${Math.abs(percent)} %: ${texts}.`,
      }
    : { verdict: "same", sentence: `The throughput at the knee is the same, within noise: ${texts}.` };
}

/** Relative standard deviation of the mean of a level's repetitions, pooled over the levels. */
function scatter({ levels }: ShapeResult): number {
  const variances = levels.flatMap((level) => {
    const values = counted(level).map(({ throughput }) => throughput);
    if (values.length < 2) return [];
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    if (mean === 0) return [];
    const squares = values.reduce((sum, value) => sum + (value / mean - 1) ** 2, 0);
    return [squares / (values.length - 1) / values.length];
  });
  return variances.length === 0 ? 0 : Math.sqrt(variances.reduce((sum, each) => sum + each, 0) / variances.length);
}

function differ(a: number, b: number, share: number): boolean {
  return Math.abs(Math.log(b / a)) > Math.log(1 + share);
}

function round(value: number): string {
  return value < 10 ? value.toFixed(1) : String(Math.round(value));
}

/** Reads `result.json`. @throws HeddleError TUNE_BAD_RESULT */
export function parseResult(text: string, file: string): TuneResult {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw badResult(file, `it is not JSON (${messageOf(cause)})`, cause);
  }
  if (typeof value !== "object" || value === null) throw badResult(file, "it holds no object");
  const { version } = value as Partial<TuneResult>;
  if (version === undefined) throw badResult(file, "it has none of the fields of a result");
  if (version !== 1) throw badResult(file, `its version is ${JSON.stringify(version)}, not 1`);
  const wrong = wrongField(value);
  if (wrong !== undefined) throw badResult(file, `its ${wrong} is none of a result`);
  return value as TuneResult;
}

/** The first of the fields that are compared whose value says nothing. A verdict without it would be "same". */
function wrongField({ shapes, machine, scenario }: Partial<TuneResult>): string | undefined {
  if (typeof machine?.cpu !== "string" || typeof machine.cores !== "number") return "machine";
  const requests: unknown = scenario?.requests;
  if (!Array.isArray(requests) || requests.some((each) => typeof each !== "object" || each === null)) {
    return "scenario.requests";
  }
  if (!Array.isArray(shapes)) return "shapes";
  for (const [at, result] of (shapes as readonly Partial<ShapeResult>[]).entries()) {
    const { shape, knee, throughputMax, p95AtKneeMs = 0, levels } = result ?? {};
    if (typeof shape?.model !== "string") return `shapes[${at}].shape`;
    if (!isKnee(knee)) return `shapes[${at}].knee`;
    if (!isPositiveOrZero(throughputMax)) return `shapes[${at}].throughputMax`;
    if (!isPositiveOrZero(p95AtKneeMs)) return `shapes[${at}].p95AtKneeMs`;
    if (!Array.isArray(levels) || !levels.every(isLevel)) return `shapes[${at}].levels`;
  }
  return undefined;
}

function isKnee(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const knee = value as Readonly<Record<string, unknown>>;
  if ("inconclusive" in knee) return true;
  return "notReached" in knee
    ? isPositiveOrZero(knee["seenUpTo"])
    : ["value", "low", "high"].every((name) => isPositive(knee[name]));
}

function isLevel(value: unknown): boolean {
  const { samples } = (value ?? {}) as Partial<Level>;
  return (
    Array.isArray(samples) &&
    samples.every((sample) => isPositiveOrZero((sample as Partial<Sample> | null)?.throughput))
  );
}

/** @throws HeddleError TUNE_BAD_RESULT: the two measured other requests */
export function checkComparable(before: TuneResult, requests: TuneResult["scenario"]["requests"], file: string): void {
  const [old, now] = [before.scenario.requests, requests].map((all) =>
    all
      .map(({ method, path, weight }) => `${method} ${path} × ${weight}`)
      .sort()
      .join(", "),
  );
  if (old !== now) throw badResult(file, `it measured other requests: ${old}; now they are ${now}`);
}

function badResult(file: string, why: string, cause?: unknown): HeddleError {
  const message = `--compare: ${file} cannot be compared: ${why}; expected a result.json that heddle tune wrote`;
  return new HeddleError("TUNE_BAD_RESULT", message, cause === undefined ? {} : { cause });
}
