import assert from "node:assert/strict";
import { test } from "node:test";
import { meanInterval, summariseLevels } from "../../../src/tune/report/levels.ts";
import { levelsOf, randomFrom, withLeftOut } from "./fixtures/simulated.ts";

const server = { permits: 2, cpuMs: 1, waitMs: 9 };

test("the interval of five values is that of Student's t with four degrees of freedom", () => {
  const { value, low, high } = meanInterval([8, 9, 10, 11, 12]);
  assert.equal(value, 10);
  assert.ok(Math.abs(high - 10 - 2.78 * Math.sqrt(2.5 / 5)) < 1e-9);
  assert.ok(Math.abs(high + low - 20) < 1e-9);
});

test("the interval of one value has no width", () => {
  assert.deepEqual(meanInterval([7]), { value: 7, low: 7, high: 7 });
});

test("a sample that was left out changes neither mean nor interval", () => {
  const levels = levelsOf(server, [4], randomFrom(1));
  const [summary] = summariseLevels(withLeftOut(levels, [[4, 2, "steal"]]));
  const others = levels[0]!.samples.filter(({ repetition }) => repetition !== 2);
  assert.deepEqual(summary!.throughput, meanInterval(others.map(({ throughput }) => throughput)));
  assert.deepEqual([summary!.counted.length, summary!.leftOut.length], [4, 1]);
});

test("a level of which no sample counts has no mean", () => {
  const levels = withLeftOut(levelsOf(server, [4], randomFrom(1), 1), [[4, 0, "errors"]]);
  const [summary] = summariseLevels(levels);
  assert.equal(summary!.throughput, undefined);
  assert.equal(summary!.p95Ms, undefined);
});

test("levels are in the order of their concurrency", () => {
  const levels = levelsOf(server, [8, 1, 4], randomFrom(1));
  assert.deepEqual(
    summariseLevels(levels).map(({ concurrency }) => concurrency),
    [1, 4, 8],
  );
});
