import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  fittingTicks,
  linearScale,
  linearTicks,
  logEnds,
  logScale,
  logTicks,
} from "../../../../src/tune/report/chart/scale.ts";

test("a logarithmic scale puts 10 in the middle of 1 and 100", () => {
  assert.equal(logScale(1, 100, 0, 200).at(10), 100);
});

test("a value beyond an end is placed at the end", () => {
  const scale = linearScale(0, 10, 100, 0);
  assert.deepEqual(
    [-5, 20, Number.NaN].map((value) => scale.at(value)),
    [100, 0, 100],
  );
});

test("an axis from 1 to 10,000 has decades where it is short, and 1, 2, 5 where it is long", () => {
  const sets = logTicks(1, 10_000);
  const ticks = (length: number): readonly number[] =>
    fittingTicks(sets, logScale(1, 10_000, 0, length), (tick) => 8 * String(tick).length, 8);
  assert.deepEqual(ticks(200), [1, 10, 100, 1000, 10_000]);
  assert.deepEqual(ticks(600), [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000]);
});

test("a narrow logarithmic axis has even steps", () => {
  assert.ok(logTicks(1000, 2000).some((ticks) => ticks.length >= 4 && ticks.includes(1400)));
});

test("small ticks are exact: 0.001, not a sum of errors", () => {
  assert.ok(logTicks(0.001, 1).every((ticks) => ticks.every((tick) => String(tick).length <= 6)));
});

test("linear ticks begin at 0, have even steps, and end at or above the highest value", () => {
  assert.deepEqual(linearTicks(3194, 5), [0, 1000, 2000, 3000, 4000]);
  assert.deepEqual(linearTicks(0, 5), [0, 1]);
});

test("whatever the values, the ends of an axis hold them, and some ticks fit", () => {
  const value = fc.double({ min: 1e-4, max: 1e7, noNaN: true });
  fc.assert(
    fc.property(value, value, (a, b) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      const [from, to] = logEnds(low, high);
      assert.ok(from < to && from <= low * 1.001 && to >= high * 0.999, `${low} to ${high}: ${from} to ${to}`);
      const ticks = fittingTicks(logTicks(from, to), logScale(from, to, 0, 300), () => 12, 8);
      assert.ok(ticks.length >= 2, `${from} to ${to}: ${ticks.join(" ")}`);
      assert.ok(ticks.every((tick) => tick >= from * 0.99 && tick <= to * 1.01));
    }),
  );
});

test("an axis of nothing still has ends", () => {
  assert.deepEqual(logEnds(Infinity, -Infinity), [1, 10]);
});
