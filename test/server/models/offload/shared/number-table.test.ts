import assert from "node:assert/strict";
import { test } from "node:test";
import { array, assert as check, constantFrom, integer, property, record } from "fast-check";
import { NumberTable } from "../../../../../src/server/models/offload/shared/number-table.ts";

test("a table holds what a Map would, whatever its numbers have in common", () => {
  const step = record({
    what: constantFrom("set", "delete"),
    low: integer({ min: 0, max: 7 }),
    high: integer({ min: 0, max: 3 }),
  });
  check(
    property(array(step, { maxLength: 200 }), (steps) => {
      const table = new NumberTable<number>(4);
      const map = new Map<number, number>();
      for (const { what, low, high } of steps) {
        const key = (low + high * 2 ** 30) >>> 0;
        if (what === "delete") assert.equal(table.delete(key), map.get(key));
        else if (!map.has(key)) table.set(key, key + 1);
        if (what === "delete") map.delete(key);
        else map.set(key, key + 1);
        for (const [known, value] of map) assert.equal(table.get(known), value);
        assert.equal(table.size, map.size);
      }
      assert.deepEqual(new Set(table.values()), new Set(map.values()));
    }),
    { numRuns: 300 },
  );
});

test("numbers that count up over 2^32 are found while some stay for long", () => {
  const table = new NumberTable<number>(4);
  const first = 2 ** 32 - 40;
  table.set(first, -1);
  for (let i = 1; i < 100; i++) {
    const key = (first + i) >>> 0;
    table.set(key, i);
    if (i > 3) assert.equal(table.delete((first + i - 3) >>> 0), i - 3);
  }
  assert.deepEqual([table.get(first), table.size], [-1, 4]);
});
