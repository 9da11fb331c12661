import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { fitLogHinge, type LogLevel, plainHinge } from "../../../src/tune/estimate/hinge.ts";
import { near } from "../support/levels.ts";

function logs(levels: readonly (readonly [n: number, xs: readonly number[]])[]): LogLevel[] {
  return levels.map(([n, xs]) => ({ n: Math.log(n), xs: xs.map(Math.log) }));
}

function deviation(levels: readonly LogLevel[], slope: number, knee: number): number {
  return levels
    .flatMap(({ n, xs }) => xs.map((x) => Math.abs(x - slope - Math.min(n, knee))))
    .reduce((a, b) => a + b, 0);
}

test("the plain hinge has the smallest sum of absolute deviations that there is", () => {
  const xs = fc.array(fc.double({ min: 1, max: 300, noNaN: true }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.array(xs, { minLength: 2, maxLength: 7 }), (rows) => {
      const levels = logs(rows.map((row, at) => [2 ** at, row]));
      const { slope, knee } = plainHinge(levels);
      const found = deviation(levels, slope, knee);
      for (let k = 0; k <= Math.log(2 ** (rows.length - 1)); k += 0.02) {
        for (let a = slope - 2; a <= slope + 2; a += 0.05) {
          assert.ok(found <= deviation(levels, a, k) + 1e-9, `${found} at ${slope}, ${knee}; less at ${a}, ${k}`);
        }
      }
    }),
    { numRuns: 50 },
  );
});

test("an exact hinge comes back, also with its knee between two levels", () => {
  for (const knee of [3, 20, 23.7, 50]) {
    const levels = logs([1, 2, 4, 8, 16, 32, 64, 128, 256].map((n) => [n, [7 * Math.min(n, knee)]]));
    for (const fit of [plainHinge(levels), fitLogHinge(levels)]) {
      near(Math.exp(fit.knee), knee, 1e-9);
      near(Math.exp(fit.slope), 7, 1e-9);
      near(Math.exp(fit.roof), 7 * knee, 1e-9);
    }
  }
});

test("a burst in one repetition of each level does not move the knee", () => {
  const levels = logs([1, 2, 4, 8, 16, 32, 64, 128].map((n) => [n, [1, 1, 1, 0.4, 1].map((f) => f * Math.min(n, 10))]));
  near(Math.exp(fitLogHinge(levels).knee), 10, 1e-9);
});
