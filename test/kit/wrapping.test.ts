import assert from "node:assert/strict";
import { test } from "node:test";
import { distance, isAfter, next, previous } from "../../src/kit/wrapping.ts";

const LAST = 2 ** 32 - 1;

test("a count goes from 2^31 - 1 to 2^31, and from 2^32 - 1 to 0", () => {
  assert.deepEqual([next(2 ** 31 - 1), next(2 ** 31), next(LAST)], [2 ** 31, 2 ** 31 + 1, 0]);
  assert.deepEqual([previous(2 ** 31), previous(0)], [2 ** 31 - 1, LAST]);
});

test("two counts are compared by their distance, also where one has wrapped", () => {
  assert.deepEqual([distance(3, 8), distance(LAST, 2), distance(7, 7)], [5, 3, 0]);
  for (const count of [1, 2 ** 31 - 1, 2 ** 31, LAST, 0]) {
    assert.deepEqual(
      [isAfter(next(count), count), isAfter(count, next(count)), isAfter(count, count)],
      [true, false, false],
    );
  }
});

test("the numbers are those that a Uint32Array gives back", () => {
  const words = new Uint32Array(new SharedArrayBuffer(4));
  for (let count = LAST - 3, i = 0; i < 8; count = next(count), i++) {
    Atomics.store(words, 0, count);
    assert.equal(Atomics.load(words, 0), count);
  }
});
