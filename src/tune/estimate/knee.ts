/**
 * The knee N* = X_max · R_min of a closed sweep: where the line of low load, N / R_min, meets the roof, X_max. From the log-hinge
 * (`hinge.ts`), with a 95 % interval by bootstrap (`bootstrap.ts`). What the numbers cannot tell is said, never guessed:
 *
 *   levels → without those behind a fall → still rising? not reached → too few, or flat from the start? inconclusive
 *          → hinge → differs from X_max · R_min or from the low-load anchor? inconclusive → value and interval
 */

import { count } from "../../errors/count.ts";
import type { KneeEstimate, LevelThroughputs } from "../types.ts";
import { redrawn, widenedQuantile } from "./bootstrap.ts";
import { isFlat, isRising } from "./flat.ts";
import { fitLogHinge, type LogHinge, type LogLevel, withoutCorner } from "./hinge.ts";
import { bad, checkBootstrap, checkedLevels, isPositive } from "./input.ts";
import { type Random, randomFrom } from "./random.ts";
import { median } from "./statistics.ts";

/** What one client at a time showed of the resource that was expected to limit. */
export interface LowLoadAnchor {
  /** Response time at one client, in ms: R_min. */
  readonly responseMs: number;
  /** Of it, how long one request holds the resource, in ms: for CPU the CPU time D. */
  readonly serviceMs: number;
  /** How many requests the resource serves at once: for CPU the cores c. */
  readonly servers: number;
}

export interface KneeOptions {
  /** c · R_min / D = c · (1 + W / D) is a bound: the knee cannot be above it, but is below it if something else limits. */
  readonly anchor?: LowLoadAnchor;
  /** Of the bootstrap: the same seed and levels give the same interval. @default 1 */
  readonly seed?: number;
  /** How many times the bootstrap makes the estimate again. @default 1000 */
  readonly resamples?: number;
}

/** The two lines of the hinge. */
export interface Hinge {
  /** Answers per second that each client adds below the knee: 1 / R_min. */
  readonly slope: number;
  readonly knee: number;
  /** Answers per second beyond the knee: X_max. */
  readonly roof: number;
}

/** With fewer, a hinge fits whatever was measured. */
const LEAST_LEVELS = 4;

/** Two ways to the same knee may differ by this share. */
const DISAGREEMENT = 0.25;

/** Levels behind the peak with less than this share of its throughput are behind a fall: they say nothing of X_max. */
const FALLEN = 0.8;

/**
 * The knee of a closed sweep, with its 95 % interval; `notReached` or `inconclusive` where the levels do not show one.
 *
 * Levels may come in any order. Throughputs are in any one unit; only their ratios count.
 */
export function estimateKnee(levels: readonly LevelThroughputs[], options: KneeOptions = {}): KneeEstimate {
  const { seed = 1, resamples = 1000, anchor } = checkedOptions(options);
  const all = answering(levels);
  const standing = beforeFall(all);
  if (all.length < 2)
    return { inconclusive: `only ${count(all.length, "concurrency", "concurrencies")} had a good window` };
  // A level without one answer is the deepest fall, although no line can be fitted to it.
  const fall = fallBehind(standing, checkedLevels(levels));
  if (isRising(standing)) return unfinished(standing.at(-1)?.concurrency ?? 0, fall);
  if (standing.length < LEAST_LEVELS) return { inconclusive: tooFew(standing.length, fall) };
  const logLevels = logs(standing);
  const repetitions = median(standing.map(({ throughputs }) => throughputs.length));
  if (repetitions < 2) return { inconclusive: "one repetition of each concurrency does not tell the noise" };
  const fit = fitLogHinge(logLevels);
  const doubt = doubtOf(fit, standing[0] as LevelThroughputs, anchor);
  if (doubt !== undefined) return { inconclusive: doubt };
  const random = randomFrom(seed);
  const knees = Array.from({ length: resamples }, () => kneeAgain(fit.knee, logLevels, random));
  const bounds = [0.025, 0.975].map((share) => widenedQuantile(knees, share, fit.knee, repetitions));
  // The second round of `kneeAgain` may put all of them beside the value, where repetitions hardly differ.
  const [low, high] = [Math.min(...bounds, fit.knee), Math.max(...bounds, fit.knee)];
  return { value: asConcurrency(fit.knee), low: asConcurrency(low), high: asConcurrency(high) };
}

/**
 * The roof of throughput, in answers per second: the level part of the hinge. If the sweep did not reach it, the highest level's median,
 * which X_max is not below. 0 without an answer.
 */
export function throughputMax(levels: readonly LevelThroughputs[]): number {
  const standing = beforeFall(answering(levels));
  if (standing.length < 2 || !isFlat(standing)) return peakOf(standing);
  return Math.exp(fitLogHinge(logs(standing)).roof);
}

/** The lines for a chart; undefined where there are fewer than two concurrencies with answers. */
export function fitHinge(levels: readonly LevelThroughputs[]): Hinge | undefined {
  const standing = beforeFall(answering(levels));
  if (standing.length < 2) return undefined;
  const { slope, knee, roof } = fitLogHinge(logs(standing));
  return { slope: Math.exp(slope), knee: Math.exp(knee), roof: Math.exp(roof) };
}

/** The first level behind the fall. */
interface Fall {
  readonly concurrency: number;
  /** Of the peak's throughput. */
  readonly percent: number;
}

function fallBehind(standing: readonly LevelThroughputs[], all: readonly LevelThroughputs[]): Fall | undefined {
  const last = standing.at(-1)?.concurrency ?? 0;
  const fallen = all.find(({ concurrency }) => concurrency > last);
  if (fallen === undefined) return undefined;
  return {
    concurrency: fallen.concurrency,
    percent: Math.round((100 * median(fallen.throughputs)) / peakOf(all)),
  };
}

function unfinished(last: number, fall: Fall | undefined): KneeEstimate {
  if (fall === undefined) return { notReached: true, seenUpTo: last };
  return {
    inconclusive: `throughput rose up to a concurrency of ${last}, and at ${fall.concurrency} fell to ${fall.percent} % of it: the server breaks down before it is level`,
  };
}

function tooFew(standing: number, fall: Fall | undefined): string {
  if (fall === undefined) return `a knee needs at least ${LEAST_LEVELS} concurrencies; there are ${standing}`;
  return `a knee needs at least ${LEAST_LEVELS} concurrencies before throughput falls; there ${standing === 1 ? "is" : "are"} ${standing}, and at ${fall.concurrency} it fell to ${fall.percent} % of its peak`;
}

function doubtOf(fit: LogHinge, first: LevelThroughputs, anchor: LowLoadAnchor | undefined): string | undefined {
  const knee = asConcurrency(fit.knee);
  if (first.concurrency > 1 && knee < 2 * first.concurrency) {
    return `throughput is level from the lowest concurrency, ${first.concurrency}, on: the knee is at ${shown(knee)} or below; begin at 1`;
  }
  const responseMin = anchor === undefined ? first.concurrency / median(first.throughputs) : anchor.responseMs / 1000;
  const crossing = asConcurrency(fit.roof + Math.log(responseMin));
  if (Math.abs(Math.log(crossing / knee)) > Math.log(1 + DISAGREEMENT)) {
    return `the hinge has its knee at ${shown(knee)}, but X_max · R_min is ${shown(crossing)}`;
  }
  if (anchor === undefined) return undefined;
  const bound = (anchor.servers * anchor.responseMs) / anchor.serviceMs;
  if (knee > bound * (1 + DISAGREEMENT)) {
    return `the hinge has its knee at ${shown(knee)}, but what one request uses allows ${shown(bound)} at most`;
  }
  return undefined;
}

/**
 * The knee of redrawn levels. Its search begins at the knee of all of them, not with a plain hinge: that would take most of the time and
 * change nothing. Two rounds, because the first may move a level out of the corner.
 */
function kneeAgain(start: number, levels: readonly LogLevel[], random: Random): number {
  const drawn = levels.map(({ n, xs }) => ({ n, xs: redrawn(xs, random) }));
  return withoutCorner(drawn, withoutCorner(drawn, start).knee).knee;
}

/** From a logarithm. No closed system has its knee below 1: one client's throughput, 1 / R_min, is at most X_max. */
function asConcurrency(log: number): number {
  return Math.max(1, Math.exp(log));
}

function shown(concurrency: number): string {
  return String(Number(concurrency.toPrecision(3)));
}

/** Without the last levels, if all their repetitions are far below the peak. A dip in the middle stays: medians bear it. */
function beforeFall(levels: readonly LevelThroughputs[]): readonly LevelThroughputs[] {
  const standing = FALLEN * peakOf(levels);
  return levels.slice(0, levels.findLastIndex(({ throughputs }) => Math.max(...throughputs) >= standing) + 1);
}

function peakOf(levels: readonly LevelThroughputs[]): number {
  return Math.max(0, ...levels.map(({ throughputs }) => median(throughputs)));
}

/** Without the repetitions that had no answer: they have no logarithm. */
function answering(levels: readonly LevelThroughputs[]): LevelThroughputs[] {
  return checkedLevels(levels)
    .map(({ concurrency, throughputs }) => ({ concurrency, throughputs: throughputs.filter((x) => x > 0) }))
    .filter(({ throughputs }) => throughputs.length > 0);
}

function logs(levels: readonly LevelThroughputs[]): LogLevel[] {
  return levels.map(({ concurrency, throughputs }) => ({ n: Math.log(concurrency), xs: throughputs.map(Math.log) }));
}

function checkedOptions(options: KneeOptions): KneeOptions {
  const { anchor } = options;
  checkBootstrap(options);
  for (const field of ["responseMs", "serviceMs", "servers"] as const) {
    const value = anchor?.[field];
    if (anchor !== undefined && !isPositive(value)) throw bad(`anchor.${field}`, value, "a finite number above 0");
  }
  return options;
}
