import assert from "node:assert/strict";
import { test } from "node:test";
import { leastLoaded } from "../../../src/runtime/threads/thread-placement.ts";

const loads = (...all: readonly number[]): { thread: number; load: number }[] =>
  all.map((load, index) => ({ thread: index + 1, load }));

test("the thread with the least to do is chosen, the first of equals", () => {
  assert.deepEqual(leastLoaded(loads(3, 1, 1), 9), { thread: 2, isBusy: true });
});

test("the asking thread is chosen before others that have as much, and not before one that has less", () => {
  assert.equal(leastLoaded(loads(1, 1), 2).thread, 2);
  assert.equal(leastLoaded(loads(0, 1), 2).thread, 1);
});

test("a thread that has nothing to do is not busy, nor is the asking one while all it has is the asker", () => {
  assert.equal(leastLoaded(loads(4, 0), 9).isBusy, false);
  assert.equal(leastLoaded(loads(4, 1), 2).isBusy, false);
  assert.equal(leastLoaded(loads(4, 1), 9).isBusy, true);
});

test("of no threads none is chosen, so that one is started", () => {
  assert.deepEqual(leastLoaded([], 0), { thread: undefined, isBusy: true });
});
