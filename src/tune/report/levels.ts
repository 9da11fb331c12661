/**
 * What the charts and tables show of a level: the mean over the repetitions that count, with its 95 % interval. The estimators
 * have their own statistics; nothing that is read off here decides anything.
 */

import type { Level, Sample } from "../types.ts";

export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface LevelSummary {
  readonly concurrency: number;
  readonly counted: readonly Sample[];
  readonly leftOut: readonly Sample[];
  /** Absent if no repetition counts. */
  readonly throughput?: Interval;
  /** The mean and the interval of the logarithm: a latency is skewed. */
  readonly p95Ms?: Interval;
}

/** By concurrency, smallest first. */
export function summariseLevels(levels: readonly Level[]): LevelSummary[] {
  return levels.map(summariseLevel).sort((a, b) => a.concurrency - b.concurrency);
}

function summariseLevel({ concurrency, samples }: Level): LevelSummary {
  const counted = samples.filter(({ leftOut }) => leftOut === undefined);
  const leftOut = samples.filter((sample) => sample.leftOut !== undefined);
  if (counted.length === 0) return { concurrency, counted, leftOut };
  const logs = meanInterval(counted.map(({ latency }) => Math.log(Math.max(latency.p95Ms, 1e-3))));
  return {
    concurrency,
    counted,
    leftOut,
    throughput: meanInterval(counted.map((sample) => sample.throughput)),
    p95Ms: { value: Math.exp(logs.value), low: Math.exp(logs.low), high: Math.exp(logs.high) },
  };
}

/** 97.5 % quantiles of Student's t, for 1 to 15 degrees of freedom. */
const T975 = [12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.2, 2.18, 2.16, 2.14, 2.13];
/** For more of them. */
const T975_BEYOND = 2;

/** The mean and its 95 % interval by Student's t. One value has no width: nothing is known of its error. */
export function meanInterval(values: readonly number[]): Interval {
  const mean = values.reduce((sum, each) => sum + each, 0) / values.length;
  if (values.length < 2) return { value: mean, low: mean, high: mean };
  const variance = values.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (values.length - 1);
  const reach = (T975[values.length - 2] ?? T975_BEYOND) * Math.sqrt(variance / values.length);
  return { value: mean, low: mean - reach, high: mean + reach };
}
