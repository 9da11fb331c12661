import assert from "node:assert/strict";
import type { Level, LevelThroughputs, Sample } from "../../../src/tune/types.ts";

/** One repetition of each concurrency. */
export function levelsOf(concurrencies: readonly number[], throughputs: readonly number[]): LevelThroughputs[] {
  return concurrencies.map((concurrency, at) => ({ concurrency, throughputs: [throughputs[at] as number] }));
}

/** Of each concurrency five repetitions, within 2 %, around `throughput(concurrency)`. */
export function repeated(
  concurrencies: readonly number[],
  throughput: (concurrency: number) => number,
): LevelThroughputs[] {
  return concurrencies.map((concurrency) => ({
    concurrency,
    throughputs: [1, 0.98, 1.02, 0.99, 1.01].map((factor) => factor * throughput(concurrency)),
  }));
}

export function sampleOf(concurrency: number, p95Ms: number, fields: Partial<Sample> = {}): Sample {
  return {
    concurrency,
    repetition: 0,
    seconds: 1,
    answers: 1000,
    throughput: 1000,
    latency: { meanMs: p95Ms / 2, p50Ms: p95Ms / 2, p95Ms, p99Ms: 2 * p95Ms, maxMs: 3 * p95Ms },
    histogram: [],
    errors: 0,
    errorsByCause: {},
    generatorUtilization: 0.2,
    stealShare: 0,
    ...fields,
  };
}

/** A level with one sample for each p95. */
export function levelOf(concurrency: number, p95sMs: readonly number[], fields: Partial<Sample> = {}): Level {
  return { concurrency, samples: p95sMs.map((p95Ms) => sampleOf(concurrency, p95Ms, fields)) };
}

export function near(got: number | undefined, wanted: number, share: number): void {
  assert.ok(
    got !== undefined && Math.abs(got - wanted) <= share * wanted,
    `got ${got}; wanted ${wanted}, at most ${share * 100} % off`,
  );
}
