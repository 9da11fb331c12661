import assert from "node:assert/strict";
import { test } from "node:test";
import { isFlat } from "../../../src/tune/estimate/flat.ts";
import { repeated } from "../support/levels.ts";

const hinge = (n: number): number => 10 * Math.min(n, 20);

test("throughput is flat when the last three of 1, 2, 4, … are level, not before", () => {
  assert.equal(isFlat(repeated([1, 2, 4, 8, 16], hinge)), false);
  assert.equal(isFlat(repeated([1, 2, 4, 8, 16, 32], hinge)), false);
  assert.equal(isFlat(repeated([1, 2, 4, 8, 16, 32, 64], hinge)), false);
  assert.equal(isFlat(repeated([1, 2, 4, 8, 16, 32, 64, 128], hinge)), true);
});

test("levels close together are not flat before they reach as far back as 1, 2, 4, … would", () => {
  assert.equal(isFlat(repeated([1, 2, 4, 8, 16, 24, 26, 28, 30, 32, 34], hinge)), false);
  assert.equal(isFlat(repeated([1, 2, 4, 8, 16, 22, 26, 30, 40, 60, 88], hinge)), true);
});

test("throughput that falls at the end is flat: it does not grow", () => {
  assert.equal(isFlat(repeated([1, 2, 4, 8, 16, 32], (n) => Math.min(n, 4) - n / 100)), true);
});

test("two levels are never flat, and levels without an answer are", () => {
  assert.equal(isFlat([]), false);
  assert.equal(isFlat(repeated([1, 2], () => 5)), false);
  assert.equal(isFlat(repeated([1, 2, 4], () => 0)), true);
});
