/**
 * The best of the measured shapes. Pure.
 *
 * Shapes whose throughputs differ by no more than the noise are equally good. Of those, one whose p95 at the knee is much higher is
 * worse, and the cheapest of the rest is chosen. Of an app some of whose routes hold their event loop it is the cheapest that keeps the
 * others from waiting for them, which a p95 of all routes together does not show. A shape whose measurement was limited by something
 * else than the server may be better than it looks, so that nothing cheaper is preferred to the first of the candidates then.
 */

import type { Sample, Shape, ShapeResult } from "../types.ts";

export interface Choice {
  readonly chosen: ShapeResult;
  /** As good as the chosen one, and dearer. */
  readonly asGood: readonly ShapeResult[];
  /** The others, the best first. */
  readonly worse: readonly ShapeResult[];
}

/** undefined: none was measured without too many errors. `results` in the order of the candidates. */
export function choose(results: readonly ShapeResult[]): Choice | undefined {
  const usable = results.filter(({ limitedBy, throughputMax }) => limitedBy !== "errors" && throughputMax > 0);
  const ranked = usable.toSorted((a, b) => b.throughputMax - a.throughputMax);
  const [best] = ranked;
  if (best === undefined) return undefined;
  const near = usable.filter((each) => each.throughputMax >= best.throughputMax * (1 - noiseOf(best, each)));
  const lowest = Math.min(...near.map(({ p95AtKneeMs = Infinity }) => p95AtKneeMs));
  const good = near.filter(({ p95AtKneeMs }) => p95AtKneeMs === undefined || p95AtKneeMs <= lowest * MUCH_SLOWER);
  const isCapped = good.some(isLimitedByTest);
  const [chosen] = isCapped
    ? good
    : good.toSorted((a, b) => holding(a.shape) - holding(b.shape) || cost(a.shape) - cost(b.shape));
  return {
    chosen: chosen!,
    asGood: good.filter((each) => each !== chosen),
    worse: ranked.filter((each) => !good.includes(each)),
  };
}

/** p95 of two sweeps of one shape differs by less. */
const MUCH_SLOWER = 1.5;

/** 0: routes that hold their event loop run elsewhere. */
function holding({ routes }: Shape): number {
  return routes === undefined ? 1 : 0;
}

/** Its server could have done more. */
function isLimitedByTest({ knee, limitedBy }: ShapeResult): boolean {
  return limitedBy === "generator" || "notReached" in knee;
}

/** Megabytes of a small app: a process, and a further thread of it. */
const PROCESS_MB = 60;
const THREAD_MB = 12;

/** Memory, roughly: it orders shapes. */
export function cost({ model, workers, threads, routes = {} }: Shape): number {
  const isLoop = model === "loop" || model === "actors" || model === "sync";
  const ofRoutes = Object.values(routes).reduce((sum, route) => sum + route.threads, 0);
  return workers * (PROCESS_MB + THREAD_MB * ((isLoop ? threads - 1 : threads) + ofRoutes));
}

/** Two sweeps of the same shape differ by at least this. */
const LEAST_NOISE = 0.05;
/** More would make everything equal. */
const MOST_NOISE = 0.15;

function noiseOf(a: ShapeResult, b: ShapeResult): number {
  return Math.min(MOST_NOISE, Math.max(LEAST_NOISE, spreadOf(a), spreadOf(b)));
}

/** The relative range of the middle half of the repetitions, at the level with the highest throughput. */
function spreadOf({ levels }: ShapeResult): number {
  const throughputs = levels
    .map(({ samples }) => samples.filter(isCounted).map(({ throughput }) => throughput))
    .filter((each) => each.length >= 3)
    .map((each) => each.toSorted((a, b) => a - b));
  const middle = (each: readonly number[], share: number): number => each[Math.round((each.length - 1) * share)]!;
  const top = throughputs.toSorted((a, b) => middle(b, 0.5) - middle(a, 0.5))[0];
  return top === undefined ? 0 : (middle(top, 0.75) - middle(top, 0.25)) / middle(top, 0.5);
}

function isCounted({ leftOut }: Sample): boolean {
  return leftOut === undefined;
}
