import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type Anchor, boxOf, obstaclesOf, overlaps, placed, spread } from "../../../../src/tune/report/chart/labels.ts";

const label = (x: number, y: number, anchor: Anchor = "start") => ({ text: "target 50 ms", x, y, anchor });

test("a label goes to the first place that is free", () => {
  const curve = obstaclesOf([
    [0, 50],
    [100, 50],
  ]);
  assert.deepEqual(placed([label(10, 50), label(10, 20), label(10, 80)], curve, 12), label(10, 20));
});

test("a label that is free nowhere covers as little as possible", () => {
  const line = obstaclesOf([
    [0, 50],
    [300, 50],
  ]);
  const point = obstaclesOf([[15, 78]]);
  assert.deepEqual(placed([label(10, 52), label(10, 80)], [...line, ...point], 12), label(10, 80));
});

test("a label's box is on the side that its anchor says", () => {
  assert.ok(boxOf(label(100, 50, "end"), 12).right === 100);
  assert.ok(boxOf(label(100, 50, "start"), 12).left === 100);
  assert.ok(!overlaps(boxOf(label(100, 50, "end"), 12), boxOf(label(101, 50, "start"), 12)));
});

test("places that are too close are moved apart, within the ends, and keep their order", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 200, noNaN: true }), { minLength: 1, maxLength: 12 }), (wanted) => {
      const places = spread(wanted, 15, 0, 200);
      const order = wanted.map((_, index) => index).sort((a, b) => places[a]! - places[b]!);
      for (const [index, each] of order.entries()) {
        const next = order[index + 1];
        assert.ok(places[each]! >= -1e-9 && places[each]! <= 200 + 1e-9);
        if (next === undefined) continue;
        assert.ok(places[next]! - places[each]! >= 15 - 1e-9, places.join(" "));
        assert.ok(wanted[each]! <= wanted[next]!, "the order has changed");
      }
    }),
  );
});

test("places that have no room for the gap are spread evenly", () => {
  assert.deepEqual(spread([50, 50, 50], 100, 0, 100), [0, 50, 100]);
});
