/**
 * The one check of what a caller hands to an estimator. Behind it every level has a concurrency above 0, ascending and without
 * duplicates, and every throughput is finite and at least 0. What is a number but too little for an answer is not an error: the
 * estimators then say what is missing.
 */

import { inspect } from "node:util";
import { HeddleError } from "../../errors/heddle-error.ts";
import type { Level, LevelThroughputs, Sample } from "../types.ts";

/** Ascending by concurrency. Two levels of one concurrency become one; a level without a throughput is dropped. */
export function checkedLevels(levels: readonly LevelThroughputs[]): LevelThroughputs[] {
  if (!Array.isArray(levels)) throw bad("levels", levels, "an array of { concurrency, throughputs }");
  const byConcurrency = new Map<number, number[]>();
  for (const [at, level] of (levels as readonly Partial<LevelThroughputs>[]).entries()) {
    const { concurrency, throughputs } = level ?? {};
    if (!isPositive(concurrency)) {
      throw bad(`levels[${at}].concurrency`, concurrency, "a finite number above 0");
    }
    if (!Array.isArray(throughputs)) {
      throw bad(`levels[${at}].throughputs`, throughputs, "an array of answers per second, one for each repetition");
    }
    const wrong = throughputs.findIndex((throughput) => !isPositiveOrZero(throughput));
    if (wrong !== -1) {
      throw bad(`levels[${at}].throughputs[${wrong}]`, throughputs[wrong], "answers per second: finite and at least 0");
    }
    byConcurrency.set(concurrency, [...(byConcurrency.get(concurrency) ?? []), ...throughputs]);
  }
  return [...byConcurrency]
    .filter(([, throughputs]) => throughputs.length > 0)
    .sort(([a], [b]) => a - b)
    .map(([concurrency, throughputs]) => ({ concurrency, throughputs }));
}

/** The fields of samples that the estimators of latency read. */
export function checkSamples(levels: readonly Level[]): void {
  if (!Array.isArray(levels)) throw bad("levels", levels, "an array of { concurrency, samples }");
  for (const [at, level] of (levels as readonly Partial<Level>[]).entries()) {
    const { concurrency, samples } = level ?? {};
    if (!isPositive(concurrency)) throw bad(`levels[${at}].concurrency`, concurrency, "a finite number above 0");
    if (!Array.isArray(samples)) throw bad(`levels[${at}].samples`, samples, "an array of samples");
    for (const [index, sample] of (samples as readonly Partial<Sample>[]).entries()) {
      const { throughput, answers, errors, latency } = sample ?? {};
      const fields = { throughput, answers, errors, "latency.p95Ms": latency?.p95Ms };
      const wrong = Object.entries(fields).find(([, value]) => !isPositiveOrZero(value));
      if (wrong !== undefined) {
        throw bad(`levels[${at}].samples[${index}].${wrong[0]}`, wrong[1], "a finite number, at least 0");
      }
    }
  }
}

/** The options of a bootstrap. */
export function checkBootstrap({ seed, resamples }: { readonly seed?: number; readonly resamples?: number }): void {
  if (seed !== undefined && !Number.isFinite(seed)) throw bad("seed", seed, "a finite number");
  if (resamples !== undefined && !isWholePositive(resamples)) {
    throw bad("resamples", resamples, "a whole number, at least 1");
  }
}

export function isWholePositive(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 1;
}

export function isPositive(value: unknown): value is number {
  return isPositiveOrZero(value) && value > 0;
}

export function isPositiveOrZero(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

export function bad(what: string, got: unknown, wanted: string): HeddleError {
  return new HeddleError("TUNE_INPUT", `${what} is ${inspect(got, { depth: 0 })}; it should be ${wanted}.`);
}
