/**
 * Closed systems with a known knee, and sweeps of them with noise.
 *
 * A system is one or more stations of `servers` servers each, and a wait outside of them. Its exact throughput with N clients (product
 * form, as exact MVA gives it) is G(N − 1) / G(N), where G is the convolution of the stations' weights (Buzen, 1973): the same numbers
 * as MVA with load-dependent stations, but sums of positive terms only, so that nothing cancels close to saturation.
 */

import type { Random } from "../../../src/tune/estimate/random.ts";
import type { LevelThroughputs } from "../../../src/tune/types.ts";

export interface Station {
  /** How many requests it serves at once. */
  readonly servers: number;
  /** Time of one request in it, in seconds. */
  readonly demand: number;
}

export interface ClosedSystem {
  readonly stations: readonly Station[];
  /** Time of one request outside of them, in seconds. */
  readonly wait: number;
}

export interface Truth {
  /** X_max · R_min */
  readonly knee: number;
  readonly throughputMax: number;
}

export function truthOf({ stations, wait }: ClosedSystem): Truth {
  const throughputMax = Math.min(...stations.map(({ servers, demand }) => servers / demand));
  const responseMin = wait + stations.reduce((sum, { demand }) => sum + demand, 0);
  return { knee: throughputMax * responseMin, throughputMax };
}

/** A station of c servers and a wait, from its knee c · (1 + W / D). */
export function systemWithKnee(knee: number, servers: number, demand: number = 0.01): ClosedSystem {
  return { stations: [{ servers, demand }], wait: demand * (knee / servers - 1) };
}

/** Exact throughput with 1, 2, … `most` clients, at the indexes 1, 2, …; [0] is 0. */
export function exactThroughputs({ stations, wait }: ClosedSystem, most: number): number[] {
  // In units of the bottleneck's X_max the terms stay below e^N*.
  const unit = 1 / truthOf({ stations, wait }).throughputMax;
  let weights = weightsOf(most, () => 1, wait / unit, true);
  for (const { servers, demand } of stations) {
    const own = weightsOf(most, (n) => Math.min(n, servers), demand / unit, false);
    weights = convolved(weights, own);
  }
  return weights.map((weight, n) => (n === 0 ? 0 : (weights[n - 1] as number) / weight / unit));
}

function weightsOf(most: number, rate: (n: number) => number, demand: number, everyone: boolean): number[] {
  const weights = [1];
  for (let n = 1; n <= most; n++) weights.push(((weights[n - 1] as number) * demand) / (everyone ? n : rate(n)));
  return weights;
}

function convolved(a: readonly number[], b: readonly number[]): number[] {
  return a.map((_, n) => {
    let sum = 0;
    for (let i = 0; i <= n; i++) sum += (a[i] as number) * (b[n - i] as number);
    return sum;
  });
}

export interface Noise {
  /** Standard deviation of log X of one repetition. */
  readonly spread: number;
  /** The share of repetitions that lose a third to a half of their throughput. @default 0 */
  readonly bursts?: number;
  /** Standard deviation of log X of one pass over all levels: a machine that is slow for a while. @default 0 */
  readonly passes?: number;
}

/** The measured throughputs of one level: `repetitions` of them. */
export type Measure = (concurrency: number) => LevelThroughputs;

export function measured(exact: readonly number[], noise: Noise, repetitions: number, random: Random): Measure {
  const passes = Array.from({ length: repetitions }, () => normal(random) * (noise.passes ?? 0));
  return (concurrency) => ({
    concurrency,
    throughputs: passes.map((pass) => {
      const burst = random() < (noise.bursts ?? 0) ? 0.5 + random() / 6 : 1;
      return (exact[concurrency] as number) * burst * Math.exp(pass + normal(random) * noise.spread);
    }),
  });
}

/** Box and Muller. */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
