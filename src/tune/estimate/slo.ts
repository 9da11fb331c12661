/**
 * The SLO ceiling: the largest concurrency whose p95 meets the target with confidence, and what is beyond it.
 *
 * p95 by isotonic regression over the concurrency: more load never makes the true p95 better, so a level that seems better than a lower
 * one is noise. A level meets the target only if the upper bound of its p95 does (one-sided, 95 %, by bootstrap), and if all lower
 * levels do. Everything is computed on logarithms: noise of latencies is multiplicative.
 */

import type { Level, Sample, SloCeiling } from "../types.ts";
import { type Bootstrap, redrawn, widenedQuantile } from "./bootstrap.ts";
import { bad, checkBootstrap, checkSamples, isPositive } from "./input.ts";
import { isotonic } from "./isotonic.ts";
import { type Random, randomFrom } from "./random.ts";
import { median } from "./statistics.ts";

export interface SloOptions {
  /** Of the bootstrap: the same seed and levels give the same bound. @default 1 */
  readonly seed?: number;
  /** How many times the bootstrap fits p95 again. @default 1000 */
  readonly resamples?: number;
}

export interface P95AtLevel {
  readonly concurrency: number;
  /** By isotonic regression. */
  readonly p95Ms: number;
  /** 95 of 100 times the true p95 is below. */
  readonly upperMs: number;
}

const CONFIDENCE = 0.95;

/** More errors than this share of all answers are a collapse: the same limit as `LeftOut`'s "errors". */
const ERROR_SHARE = 0.01;

/** A throughput below this share of the best that fewer clients had is a collapse. */
const COLLAPSED = 0.5;

/** Samples left out for one of these are part of what a collapse looks like. The other reasons say nothing of the server. */
const OF_THE_SERVER: readonly (Sample["leftOut"] | undefined)[] = [undefined, "errors", "littles-law"];

export function sloCeiling(levels: readonly Level[], targetMs: number, options: SloOptions = {}): SloCeiling {
  if (!isPositive(targetMs)) throw bad("targetMs", targetMs, "a finite number of ms above 0");
  checkBootstrap(options);
  const fitted = new Map(fitP95(levels, options).map((level) => [level.concurrency, level]));
  let ceiling = 0;
  let sure = true;
  for (const concurrency of concurrenciesOf(levels)) {
    if (isCliff(levels, concurrency)) return { concurrency: ceiling, boundary: "cliff" };
    const level = fitted.get(concurrency);
    if (level === undefined) continue;
    if (level.p95Ms > targetMs) return { concurrency: ceiling, boundary: "slope" };
    sure &&= level.upperMs <= targetMs;
    if (sure) ceiling = concurrency;
  }
  return { concurrency: ceiling, boundary: "unseen" };
}

/** Whether the server collapses at this concurrency: errors, or less than half of the throughput that fewer clients had. */
export function isCliff(levels: readonly Level[], concurrency: number): boolean {
  checkSamples(levels);
  const here = samplesAt(levels, concurrency);
  const errors = here.reduce((sum, sample) => sum + sample.errors, 0);
  const answers = here.reduce((sum, sample) => sum + sample.answers, 0);
  if (errors > ERROR_SHARE * (errors + answers)) return true;
  const fewer = concurrenciesOf(levels).filter((at) => at < concurrency);
  const best = Math.max(0, ...fewer.map((at) => throughputAt(levels, at)));
  return here.length > 0 && throughputAt(levels, concurrency) < COLLAPSED * best;
}

/** p95 of each level that has samples which count, ascending by concurrency. */
export function fitP95(levels: readonly Level[], { seed = 1, resamples = 1000 }: SloOptions = {}): P95AtLevel[] {
  checkSamples(levels);
  const measured = concurrenciesOf(levels)
    .map((concurrency) => ({
      concurrency,
      logs: samplesAt(levels, concurrency)
        .filter(({ leftOut, latency }) => leftOut === undefined && latency.p95Ms > 0)
        .map(({ latency }) => Math.log(latency.p95Ms)),
    }))
    .filter(({ logs }) => logs.length > 0);
  const logs = measured.map((level) => level.logs);
  const fit = fitAscending(logs);
  const uppers = upperBounds(logs, fit, { random: randomFrom(seed), resamples });
  return measured.map(({ concurrency }, at) => ({
    concurrency,
    p95Ms: Math.exp(fit[at] as number),
    upperMs: Math.exp(uppers[at] as number),
  }));
}

function fitAscending(logs: readonly (readonly number[])[]): number[] {
  return isotonic(
    logs.map((values) => median(values)),
    logs.map((values) => values.length),
  );
}

/** A level of one repetition does not show its noise: it gets the deviations of the others. Without any there is no bound. */
function upperBounds(
  logs: readonly (readonly number[])[],
  fit: readonly number[],
  { random, resamples }: Bootstrap,
): number[] {
  const deviations = logs.flatMap((values) => (values.length > 1 ? values.map((value) => value - median(values)) : []));
  if (deviations.length === 0) return fit.map(() => Infinity);
  const drawn = Array.from({ length: resamples }, () =>
    fitAscending(
      logs.map((values) => (values.length > 1 ? redrawn(values, random) : shifted(values, deviations, random))),
    ),
  );
  return fit.map((estimate, at) => {
    const estimates = drawn.map((again) => again[at] as number);
    const repetitions = Math.max(2, (logs[at] as readonly number[]).length);
    return Math.max(estimate, widenedQuantile(estimates, CONFIDENCE, estimate, repetitions));
  });
}

function shifted(values: readonly number[], deviations: readonly number[], random: Random): number[] {
  return values.map((value) => value + (redrawn(deviations, random)[0] as number));
}

function concurrenciesOf(levels: readonly Level[]): number[] {
  return [...new Set(levels.map(({ concurrency }) => concurrency))].sort((a, b) => a - b);
}

function samplesAt(levels: readonly Level[], concurrency: number): Sample[] {
  return levels
    .filter((level) => level.concurrency === concurrency)
    .flatMap(({ samples }) => samples.filter(({ leftOut }) => OF_THE_SERVER.includes(leftOut)));
}

function throughputAt(levels: readonly Level[], concurrency: number): number {
  const throughputs = samplesAt(levels, concurrency).map((sample) => sample.throughput);
  return throughputs.length === 0 ? 0 : median(throughputs);
}
