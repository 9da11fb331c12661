/** Groups samples into levels, and reads the numbers of a level that count. Pure. */

import type { LeftOut, Level, LevelThroughputs, Sample } from "../types.ts";

/** All samples, those that were left out too, by rising concurrency. */
export function toLevels(samples: readonly Sample[]): Level[] {
  const groups = Map.groupBy(samples, ({ concurrency }) => concurrency);
  return [...groups]
    .sort(([a], [b]) => a - b)
    .map(([concurrency, samples]) => ({
      concurrency,
      samples: samples.toSorted((a, b) => a.repetition - b.repetition),
    }));
}

/** The samples that may enter an estimate. */
export function counted({ samples }: Level): readonly Sample[] {
  return samples.filter(({ leftOut }) => leftOut === undefined);
}

/** What `estimateKnee` reads: levels with at least one sample that counts. */
export function toThroughputs(levels: readonly Level[]): LevelThroughputs[] {
  return levels
    .map((level) => ({
      concurrency: level.concurrency,
      throughputs: counted(level).map(({ throughput }) => throughput),
    }))
    .filter(({ throughputs }) => throughputs.length > 0);
}

/** Answers per second. undefined: no sample counts. */
export function medianThroughput(level: Level): number | undefined {
  return median(counted(level).map(({ throughput }) => throughput));
}

/** Milliseconds. undefined: no sample counts. */
export function medianP95Ms(level: Level): number | undefined {
  return median(counted(level).map(({ latency }) => latency.p95Ms));
}

/**
 * Why the level has no sample that counts: the most frequent reason, errors before others that are as frequent. undefined: it has one,
 * or none was taken.
 */
export function whyUnusable(level: Level): LeftOut | undefined {
  if (counted(level).length > 0) return undefined;
  const reasons = Map.groupBy(level.samples, ({ leftOut }) => leftOut);
  const weight = (reason: LeftOut | undefined): number => reasons.get(reason)!.length + (reason === "errors" ? 0.5 : 0);
  return [...reasons.keys()].sort((a, b) => weight(b) - weight(a))[0];
}

export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : mean(sorted[middle - 1], sorted[middle]);
}

function mean(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : (a + b) / 2;
}
