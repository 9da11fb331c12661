import assert from "node:assert/strict";
import { test } from "node:test";
import { kneedle } from "../../../src/tune/estimate/kneedle.ts";
import { near } from "../support/levels.ts";

const rising = [0, 60, 80, 85, 90, 95, 96, 97, 98, 99].map((y, x) => [x, y] as const);

test("the published curves have their published knees", () => {
  assert.equal(kneedle(rising), 2);
  const figure2 = Array.from({ length: 10 }, (_, at) => [at / 9, 5 - 1 / (at / 9 + 0.1)] as const);
  near(kneedle(figure2), 0.222, 1e-2);
});

test("a convex curve, such as latency, has its knee where it begins to rise", () => {
  const mirrored = rising.map(([x, y]) => [9 - x, 99 - y] as const).toReversed();
  assert.equal(kneedle(mirrored, { curve: "convex" }), 7);
});

test("a higher sensitivity wants a clearer knee", () => {
  const faint = [0, 12, 23, 33, 43, 52, 62, 71, 81, 90].map((y, x) => [x, y] as const);
  assert.notEqual(kneedle(faint, { sensitivity: 0 }), undefined);
  assert.equal(kneedle(faint, { sensitivity: 3 }), undefined);
});

test("a straight line, a flat line, and two points have no knee", () => {
  assert.equal(kneedle([0, 1, 2, 3, 4].map((x) => [x, 2 * x])), undefined);
  assert.equal(kneedle([0, 1, 2, 3, 4].map((x) => [x, 7])), undefined);
  assert.equal(
    kneedle([
      [0, 0],
      [1, 1],
    ]),
    undefined,
  );
  assert.equal(kneedle([]), undefined);
});

test("points that do not ascend, or are no numbers, are refused with the place", () => {
  for (const points of [
    [
      [0, 0],
      [0, 1],
      [2, 2],
    ],
    [
      [0, 0],
      [1, Number.NaN],
      [2, 2],
    ],
  ] as [number, number][][]) {
    assert.throws(() => kneedle(points), { code: "TUNE_INPUT", message: /points\[1\]/ });
  }
  assert.throws(() => kneedle(undefined as never), { code: "TUNE_INPUT" });
  assert.throws(() => kneedle(rising, { sensitivity: -1 }), { code: "TUNE_INPUT" });
});
