/** A server with a known knee, and a virtual clock: whole sweeps run in a millisecond. */

import type { LeftOut, Sample } from "../../../src/tune/types.ts";
import { sweep, type SweepOptions, type SweepResult, type WantedWindow } from "../../../src/tune/sweep/sweep.ts";

export interface SimulatedServer {
  /** The knee: c · (1 + W / D). */
  readonly knee: number;
  /** R at one client. */
  readonly answerMs: number;
  /** Standard deviation of a throughput, relative. Default 0. */
  readonly noise?: number;
  /** Of the throughput. */
  readonly factor?: (concurrency: number, attempt: number) => number;
  readonly p95Ms?: (concurrency: number) => number;
  readonly leftOut?: (concurrency: number, attempt: number) => LeftOut | undefined;
  readonly serverCpus?: number;
}

export function sampleOf(
  { knee, answerMs, noise = 0, factor = () => 1, p95Ms, leftOut, serverCpus }: SimulatedServer,
  { concurrency, repetition, measureMs }: Pick<WantedWindow, "concurrency" | "repetition" | "measureMs">,
  random: () => number,
): Sample {
  const gauss = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const throughput =
    (1000 / answerMs) * Math.min(concurrency, knee) * (1 + noise * gauss) * factor(concurrency, repetition);
  const meanMs = (concurrency / throughput) * 1000;
  const p95 = p95Ms?.(concurrency) ?? meanMs * 1.5;
  const reason = leftOut?.(concurrency, repetition);
  const seconds = measureMs / 1000;
  return {
    concurrency,
    repetition,
    seconds,
    answers: Math.round(throughput * seconds),
    throughput,
    latency: { meanMs, p50Ms: meanMs, p95Ms: p95, p99Ms: p95, maxMs: p95 },
    histogram: [[p95, Math.round(throughput * seconds)]],
    errors: reason === "errors" ? 100 : 0,
    errorsByCause: reason === "errors" ? { 500: 100 } : {},
    generatorUtilization: reason === "generator" ? 1 : 0.2,
    stealShare: 0,
    ...(serverCpus === undefined ? {} : { serverCpuSeconds: serverCpus * seconds }),
    ...(reason === undefined ? {} : { leftOut: reason }),
  };
}

/** Numbers between 0 and 1, the same in each run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Played extends SweepResult {
  readonly windows: readonly WantedWindow[];
  readonly usedMs: number;
}

/** A sweep from beginning to end. */
export async function play(
  server: SimulatedServer,
  options: Partial<Omit<SweepOptions, "measure">> & { readonly seed?: number } = {},
): Promise<Played> {
  const random = seeded(options.seed ?? 1);
  let clockMs = 0;
  const windows: WantedWindow[] = [];
  const measure = async (window: WantedWindow): Promise<Sample> => {
    windows.push(window);
    clockMs += window.warmUpMs + window.measureMs;
    return sampleOf(server, window, random);
  };
  const result = await sweep({ budgetMs: 60_000, random, nowMs: () => clockMs, ...options, measure });
  return { ...result, windows, usedMs: clockMs };
}
