import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { drainTimes, reserveOf } from "../../../../src/server/worker/serving/drain-times.ts";

describe("the times of a drain", () => {
  test("keep two seconds before the deadline, half of them for onStop", () => {
    assert.deepEqual(drainTimes(1000, 31_000), { lastCallMs: 29_000, cutMs: 30_000, deadlineMs: 31_000 });
  });

  test("keep a quarter of what is shorter", () => {
    assert.deepEqual(drainTimes(0, 800), { lastCallMs: 600, cutMs: 700, deadlineMs: 800 });
  });

  test("are all one when there is no time", () => {
    for (const deadlineMs of [1000, 400]) {
      assert.deepEqual(drainTimes(1000, deadlineMs), { lastCallMs: deadlineMs, cutMs: deadlineMs, deadlineMs });
    }
    assert.equal(reserveOf(0), 0);
  });
});
