import assert from "node:assert/strict";
import { test } from "node:test";
import { estimateKnee, fitHinge, throughputMax } from "../../../src/tune/estimate/knee.ts";
import type { KneeEstimate, LevelThroughputs } from "../../../src/tune/types.ts";
import { levelsOf, near, repeated } from "../support/levels.ts";

const DOUBLED = [1, 2, 4, 8, 16, 32, 64, 128];
const hinge = (n: number): number => 10 * Math.min(n, 20);

function valueOf(estimate: KneeEstimate): { value: number; low: number; high: number } {
  if (!("value" in estimate)) throw new assert.AssertionError({ message: JSON.stringify(estimate) });
  return estimate;
}

function reasonOf(estimate: KneeEstimate): string {
  if (!("inconclusive" in estimate)) throw new assert.AssertionError({ message: JSON.stringify(estimate) });
  return estimate.inconclusive;
}

test("a hinge gives back its knee, inside its interval, and its roof", () => {
  const levels = repeated(DOUBLED, hinge);
  const { value, low, high } = valueOf(estimateKnee(levels));
  near(value, 20, 1e-6);
  assert.ok(low < 20 && 20 < high && high / low < 1.1, `${low} to ${high}`);
  near(throughputMax(levels), 200, 1e-6);
  near(fitHinge(levels)?.slope, 10, 1e-6);
});

test("the same seed gives the same interval, another seed another", () => {
  const levels = repeated(DOUBLED, hinge);
  assert.deepEqual(estimateKnee(levels, { seed: 7 }), estimateKnee(levels, { seed: 7 }));
  assert.notDeepEqual(
    estimateKnee(levels, { seed: 7, resamples: 50 }),
    estimateKnee(levels, { seed: 8, resamples: 50 }),
  );
});

test("neither the order of the levels, nor one level in two parts, nor the unit of throughput matters", () => {
  const levels = repeated(DOUBLED, hinge);
  const expected = valueOf(estimateKnee(levels)).value;
  near(valueOf(estimateKnee(levels.toReversed())).value, expected, 1e-9);
  const halves = levels.flatMap(({ concurrency, throughputs }) => [
    { concurrency, throughputs: throughputs.slice(0, 2) },
    { concurrency, throughputs: throughputs.slice(2) },
  ]);
  near(valueOf(estimateKnee(halves)).value, expected, 1e-9);
  near(valueOf(estimateKnee(repeated(DOUBLED, (n) => hinge(n) * 1e6))).value, expected, 1e-9);
});

test("throughput that still rises at the last level is a knee that was not reached", () => {
  assert.deepEqual(estimateKnee(repeated([1, 2, 4, 8, 16, 32, 64], (n) => 10 * Math.min(n, 80))), {
    notReached: true,
    seenUpTo: 64,
  });
  assert.deepEqual(estimateKnee(repeated([1, 2], hinge)), { notReached: true, seenUpTo: 2 });
  near(throughputMax(repeated([1, 2, 4, 8], hinge)), 80, 1e-9);
});

test("a server that is level from one client on has its knee at one", () => {
  const { value, low, high } = valueOf(estimateKnee(repeated([1, 2, 4, 8, 16], () => 500)));
  near(value, 1, 0.02);
  assert.ok(low >= 1 && high < 1.1);
});

test("a sweep that begins above the knee is told to begin lower", () => {
  assert.match(reasonOf(estimateKnee(repeated([16, 32, 64, 128], hinge))), /lowest concurrency, 16, .* begin at 1/);
  assert.match(reasonOf(estimateKnee(repeated([24, 28, 32, 36, 40], hinge))), /lowest concurrency, 24, .* begin at 1/);
});

test("one client that is slower than the others show by more than 25 % is a contradiction", () => {
  const levels = repeated(DOUBLED, (n) => (n === 1 ? 6 : hinge(n)));
  assert.match(reasonOf(estimateKnee(levels)), /knee at 20\.2, but X_max · R_min is 33\.3/);
});

test("the low-load anchor is an upper bound: a knee above it is a contradiction, one below it is not", () => {
  const levels = repeated(DOUBLED, hinge);
  const responseMs = 100;
  valueOf(estimateKnee(levels, { anchor: { responseMs, serviceMs: 5, servers: 1 } }));
  valueOf(estimateKnee(levels, { anchor: { responseMs, serviceMs: 1, servers: 2 } }));
  assert.match(
    reasonOf(estimateKnee(levels, { anchor: { responseMs, serviceMs: 10, servers: 1 } })),
    /knee at 20, but what one request uses allows 10/,
  );
  assert.match(
    reasonOf(estimateKnee(levels, { anchor: { responseMs: 50, serviceMs: 1, servers: 1 } })),
    /knee at 20, but X_max · R_min is 10/,
  );
});

test("a server that breaks down while throughput rises has no knee", () => {
  const levels = repeated([1, 2, 4, 8, 16, 32, 64], (n) => (n <= 16 ? 10 * n : 40));
  assert.match(reasonOf(estimateKnee(levels)), /rose up to a concurrency of 16, and at 32 fell to 25 %/);
  near(throughputMax(levels), 160, 1e-9);
});

test("a server that no longer answers at all has broken down: its knee is not said to be above", () => {
  const levels = levelsOf([1, 2, 4, 8, 16], [10, 20, 40, 80, 0]);
  assert.match(reasonOf(estimateKnee(levels)), /rose up to a concurrency of 8, and at 16 fell to 0 % of it/);
});

test("the value is inside its interval also where repetitions do not differ and levels lie beside the corner", () => {
  const points = [
    [1, 9.5],
    [2, 17.6],
    [6, 37.4],
    [8, 42.7],
    [12, 48.9],
    [13, 50],
    [47, 59],
    [89, 60.3],
    [244, 61],
  ] as const;
  const levels = points.map(([concurrency, x]) => ({ concurrency, throughputs: [x, x, x] }));
  const { value, low, high } = valueOf(estimateKnee(levels));
  assert.ok(low <= value && value <= high, `${low}, ${value}, ${high}`);
});

test("levels behind a fall do not lower the roof", () => {
  const levels = repeated([...DOUBLED, 256, 512], (n) => (n <= 128 ? hinge(n) : 50));
  near(valueOf(estimateKnee(levels)).value, 20, 1e-6);
  near(throughputMax(levels), 200, 1e-6);
});

test("a fall in one repetition of the last level is noise, not a fall", () => {
  const levels = repeated(DOUBLED, hinge);
  const last = levels.at(-1) as LevelThroughputs;
  const disturbed = [...levels.slice(0, -1), { ...last, throughputs: [70, 80, 200, 201, 199] }];
  near(valueOf(estimateKnee(disturbed)).value, 20, 0.02);
});

test("too little to say something is said, not thrown", () => {
  assert.match(reasonOf(estimateKnee([])), /only 0 concurrencies/);
  assert.match(reasonOf(estimateKnee(repeated([4], hinge))), /only 1 concurrency/);
  assert.match(reasonOf(estimateKnee(repeated(DOUBLED, () => 0))), /only 0 concurrencies had a good window/);
  assert.match(reasonOf(estimateKnee(repeated([1, 2, 4], () => 5))), /at least 4 concurrencies; there are 3/);
  const once = levelsOf(DOUBLED, DOUBLED.map(hinge));
  assert.match(reasonOf(estimateKnee(once)), /one repetition/);
  assert.deepEqual([throughputMax([]), fitHinge([])], [0, undefined]);
});

test("throughput that does not rise is never called one that was not reached, however few the levels", () => {
  for (const throughputs of [
    [10, 10],
    [100, 85],
    [100, 81],
  ]) {
    const levels = repeated([1, 2], (n) => throughputs[n - 1] as number);
    assert.match(reasonOf(estimateKnee(levels)), /a knee needs at least 4 concurrencies; there are 2$/);
  }
  assert.deepEqual(estimateKnee(repeated([1, 2], (n) => 10 * n)), { notReached: true, seenUpTo: 2 });
});

test("a server that gets slower from the first client on is told as such, with the number of all good windows", () => {
  const halved = repeated([1, 2, 4, 8, 16], (n) => 100 / n);
  assert.match(
    reasonOf(estimateKnee(halved)),
    /before throughput falls; there is 1, and at 2 it fell to 50 % of its peak/,
  );
  const slower = repeated([1, 2, 4, 8], (n) => [100, 80, 60, 40][Math.log2(n)] as number);
  assert.match(reasonOf(estimateKnee(slower)), /before throughput falls; there are 2, and at 4 it fell to 60 %/);
});

test("a repetition without an answer is left out", () => {
  const levels = repeated(DOUBLED, hinge).map((level) => ({ ...level, throughputs: [0, ...level.throughputs] }));
  near(valueOf(estimateKnee(levels)).value, 20, 1e-6);
});

test("what is no throughput, no concurrency or no option is refused, with its place and what it should be", () => {
  const refused: [levels: unknown, message: RegExp][] = [
    [undefined, /^levels is undefined; it should be an array/],
    [[undefined], /levels\[0\]\.concurrency is undefined/],
    [[{ concurrency: 0, throughputs: [] }], /levels\[0\]\.concurrency is 0/],
    [[{ concurrency: "8", throughputs: [] }], /levels\[0\]\.concurrency is '8'/],
    [[{ concurrency: Number.NaN, throughputs: [] }], /concurrency is NaN/],
    [[{ concurrency: 1 }], /levels\[0\]\.throughputs is undefined/],
    [[{ concurrency: 1, throughputs: [1, Number.NaN] }], /levels\[0\]\.throughputs\[1\] is NaN/],
    [[{ concurrency: 1, throughputs: [-1] }], /throughputs\[0\] is -1/],
    [[{ concurrency: 1, throughputs: [Infinity] }], /throughputs\[0\] is Infinity/],
  ];
  for (const [levels, message] of refused) {
    for (const estimator of [estimateKnee, throughputMax, fitHinge]) {
      assert.throws(() => estimator(levels as LevelThroughputs[]), { code: "TUNE_INPUT", message });
    }
  }
  const levels = repeated(DOUBLED, hinge);
  for (const options of [
    { resamples: 0 },
    { resamples: 1.5 },
    { seed: Number.NaN },
    { anchor: { responseMs: 0, serviceMs: 1, servers: 1 } },
    { anchor: { responseMs: 1, serviceMs: 1 } as never },
  ]) {
    assert.throws(() => estimateKnee(levels, options), { code: "TUNE_INPUT" });
  }
});
