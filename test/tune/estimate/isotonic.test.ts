import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isotonic } from "../../../src/tune/estimate/isotonic.ts";

test("violators are pooled into their weighted mean", () => {
  assert.deepEqual(isotonic([1, 3, 2, 4, 3.5, 5]), [1, 2.5, 2.5, 3.75, 3.75, 5]);
  assert.deepEqual(isotonic([4, 1], [1, 3]), [1.75, 1.75]);
  assert.deepEqual(isotonic([5, 4, 3, 2, 1]), [3, 3, 3, 3, 3]);
  assert.deepEqual(isotonic([]), []);
});

test("the answer ascends, keeps the weighted mean, and no ascending row is nearer", () => {
  const values = fc.array(
    fc.record({ value: fc.double({ min: -1e3, max: 1e3, noNaN: true }), weight: fc.integer({ min: 1, max: 9 }) }),
    { minLength: 1, maxLength: 12 },
  );
  fc.assert(
    fc.property(
      values,
      fc.array(fc.double({ min: 0, max: 500, noNaN: true }), { minLength: 12, maxLength: 12 }),
      (rows, steps) => {
        const given = rows.map((row) => row.value);
        const weights = rows.map((row) => row.weight);
        const fitted = isotonic(given, weights);
        const distance = (row: readonly number[]): number =>
          row.reduce((sum, value, at) => sum + (weights[at] as number) * (value - (given[at] as number)) ** 2, 0);
        let other = Math.min(...given);
        const ascending = given.map((_, at) => (other += steps[at] as number));
        for (const [at, value] of fitted.entries()) assert.ok(at === 0 || value >= (fitted[at - 1] as number));
        const sum = (row: readonly number[]): number =>
          row.reduce((total, value, at) => total + value * (weights[at] as number), 0);
        assert.ok(Math.abs(sum(fitted) - sum(given)) < 1e-6);
        assert.ok(distance(fitted) <= distance(ascending) + 1e-6);
      },
    ),
  );
});

test("values and weights whose sum is more than a number holds are pooled as well", () => {
  const large = 2 ** 1023;
  assert.deepEqual(isotonic([1.5 * large, large]), [1.25 * large, 1.25 * large]);
  assert.deepEqual(isotonic([3, 1], [large, large]), [2, 2]);
  const huge = fc.double({ min: -1e308, max: 1e308, noNaN: true });
  const weight = fc.double({ min: 1e-300, max: 1e308, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.tuple(huge, weight), { maxLength: 9 }), (rows) => {
      const fitted = isotonic(
        rows.map(([value]) => value),
        rows.map((row) => row[1]),
      );
      for (const [at, value] of fitted.entries()) {
        assert.ok(Number.isFinite(value) && (at === 0 || value >= (fitted[at - 1] as number)));
      }
    }),
  );
});

test("what is no number, and weights that do not match, are refused", () => {
  assert.throws(() => isotonic([1, Number.NaN]), { code: "TUNE_INPUT", message: /values\[1\] is NaN/ });
  assert.throws(() => isotonic([1, 2], [1]), { code: "TUNE_INPUT", message: /weights/ });
  assert.throws(() => isotonic([1, 2], [1, 0]), { code: "TUNE_INPUT", message: /weights\[1\]/ });
  assert.throws(() => isotonic("no" as never), { code: "TUNE_INPUT" });
});
