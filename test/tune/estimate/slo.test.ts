import assert from "node:assert/strict";
import { test } from "node:test";
import { type Random, randomFrom } from "../../../src/tune/estimate/random.ts";
import { fitP95, isCliff, sloCeiling } from "../../../src/tune/estimate/slo.ts";
import type { Level } from "../../../src/tune/types.ts";
import { exactThroughputs, normal, truthOf } from "../support/closed-system.ts";
import { randomSystem } from "../support/knee-trials.ts";
import { levelOf, near, sampleOf } from "../support/levels.ts";

const NOISE = [0.97, 1.03, 1, 0.99, 1.01];
const around = (p95Ms: number): number[] => NOISE.map((factor) => factor * p95Ms);

test("the ceiling is the last level whose p95 meets the target, and p95 that rises is a slope", () => {
  const levels = [10, 10, 20, 40, 80, 160].map((p95Ms, at) => levelOf(2 ** at, around(p95Ms)));
  assert.deepEqual(sloCeiling(levels, 50), { concurrency: 8, boundary: "slope" });
  assert.deepEqual(sloCeiling(levels, 5), { concurrency: 0, boundary: "slope" });
  assert.deepEqual(sloCeiling(levels, 500), { concurrency: 32, boundary: "unseen" });
});

test("a level whose p95 meets the target only by luck does not count", () => {
  const unsure = [0.6, 1.5, 0.9, 1.4, 0.8].map((factor) => factor * 45);
  const levels = [levelOf(1, around(10)), levelOf(2, around(20)), levelOf(4, unsure), levelOf(8, around(90))];
  assert.deepEqual(sloCeiling(levels, 50), { concurrency: 2, boundary: "slope" });
});

test("a level that is better than a lower one is pooled with it", () => {
  const levels = [levelOf(1, around(10)), levelOf(2, around(44)), levelOf(4, around(36)), levelOf(8, around(90))];
  const fitted = fitP95(levels).map(({ p95Ms }) => p95Ms);
  near(fitted[1], Math.sqrt(44 * 36), 1e-9);
  near(fitted[2], Math.sqrt(44 * 36), 1e-9);
});

test("one repetition has the noise of the other levels; all of one repetition have no bound", () => {
  const levels = [levelOf(1, around(10)), levelOf(2, [20]), levelOf(4, [40])];
  const [, second] = fitP95(levels);
  assert.ok(second !== undefined && second.upperMs > 20.2 && second.upperMs < 21.5, `${second?.upperMs}`);
  assert.deepEqual(sloCeiling([levelOf(1, [10]), levelOf(2, [20])], 50), { concurrency: 0, boundary: "unseen" });
});

test("errors, or half of the throughput lost, are a cliff", () => {
  const good = [levelOf(1, around(10)), levelOf(2, around(11)), levelOf(4, around(12))];
  const failing = levelOf(8, around(12), { errors: 100, leftOut: "errors" });
  assert.deepEqual(sloCeiling([...good, failing], 50), { concurrency: 4, boundary: "cliff" });
  const collapsed = levelOf(8, around(45), { throughput: 400 });
  assert.deepEqual(sloCeiling([...good, collapsed], 50), { concurrency: 4, boundary: "cliff" });
  assert.deepEqual([isCliff([...good, collapsed], 8), isCliff([...good, collapsed], 4)], [true, false]);
  const slower = levelOf(8, around(90), { throughput: 600 });
  assert.deepEqual(sloCeiling([...good, slower], 50), { concurrency: 4, boundary: "slope" });
});

test("what the generator or the hypervisor spoiled is neither a p95 nor a cliff", () => {
  const levels: Level[] = [
    levelOf(1, around(10)),
    {
      concurrency: 2,
      samples: [
        ...levelOf(2, around(11)).samples,
        sampleOf(2, 900, { throughput: 10, errors: 500, leftOut: "steal" }),
        sampleOf(2, 900, { throughput: 10, errors: 500, leftOut: "generator" }),
      ],
    },
    levelOf(4, around(99)),
  ];
  assert.deepEqual(sloCeiling(levels, 50), { concurrency: 2, boundary: "slope" });
});

test("levels may come in any order, and none has no ceiling", () => {
  const levels = [10, 20, 40, 80].map((p95Ms, at) => levelOf(2 ** at, around(p95Ms)));
  assert.deepEqual(sloCeiling(levels.toReversed(), 50), sloCeiling(levels, 50));
  assert.deepEqual(sloCeiling([], 50), { concurrency: 0, boundary: "unseen" });
});

test("what is no target, no option, no level or no sample is refused", () => {
  for (const resamples of [0, -1, 1.5, Number.NaN]) {
    const message = /^resamples is .*; it should be a whole number, at least 1\.$/;
    assert.throws(() => sloCeiling([], 50, { resamples }), { code: "TUNE_INPUT", message });
  }
  assert.throws(() => sloCeiling([], 50, { seed: Number.NaN }), { code: "TUNE_INPUT", message: /seed is NaN/ });
  for (const target of [0, -1, Number.NaN, "200ms" as never]) {
    assert.throws(() => sloCeiling([], target), { code: "TUNE_INPUT", message: /targetMs/ });
  }
  assert.throws(() => sloCeiling(undefined as never, 50), { code: "TUNE_INPUT" });
  assert.throws(() => sloCeiling([{ concurrency: 1 } as never], 50), { code: "TUNE_INPUT", message: /samples/ });
  assert.throws(() => sloCeiling([levelOf(1, [Number.NaN])], 50), { code: "TUNE_INPUT", message: /p95Ms is NaN/ });
  assert.throws(() => isCliff([levelOf(1, [1], { errors: -1 })], 1), { code: "TUNE_INPUT", message: /errors is -1/ });
});

/**
 * Levels of a random system, up to 8 times its knee: p95 is 3 × the mean response time, with 15 % of noise and bursts. From `cliffAt` on
 * either a third of the answers are errors, or throughput falls to a third.
 */
function noisySweep(random: Random, cliffAt: number): { levels: Level[]; p95: (n: number) => number } {
  const system = randomSystem(random, { noise: { spread: 0 }, knees: [2, 100] });
  const exact = exactThroughputs(system, 800);
  const { knee } = truthOf(system);
  const byErrors = random() < 0.5;
  const p95 = (n: number): number => (3000 * n) / (exact[n] as number);
  const levels: Level[] = [];
  for (let n = 1; n <= 8 * knee; n *= 2) {
    const broken = n >= cliffAt * knee;
    const samples = Array.from({ length: 5 }, () => {
      const burst = random() < 0.1 ? 1.5 + random() : 1;
      const throughput = (exact[n] as number) * Math.exp(0.05 * normal(random)) * (broken && !byErrors ? 0.33 : 1);
      const errors = broken && byErrors ? 500 : 0;
      return sampleOf(n, p95(n) * burst * Math.exp(0.15 * normal(random)), {
        throughput,
        errors,
        ...(errors > 0 && { leftOut: "errors" as const }),
      });
    });
    levels.push({ concurrency: n, samples });
  }
  return { levels, p95 };
}

test("of 200 noisy systems cliffs are called cliffs, slopes slopes, and at most 1 ceiling of 10 is too high", () => {
  const random = randomFrom(31);
  let right = 0;
  let tooHigh = 0;
  for (let system = 0; system < 200; system++) {
    const cliff = system % 2 === 0;
    const { levels, p95 } = noisySweep(random, cliff ? 1.5 : Infinity);
    const target = p95(1) * (cliff ? 20 : 2.5);
    const { concurrency, boundary } = sloCeiling(levels, target, { resamples: 300 });
    right += boundary === (cliff ? "cliff" : "slope") ? 1 : 0;
    tooHigh += concurrency > 0 && p95(concurrency) > target ? 1 : 0;
  }
  assert.ok(right >= 190, `${right} of 200 boundaries are right`);
  assert.ok(tooHigh <= 20, `${tooHigh} of 200 ceilings are too high`);
});
