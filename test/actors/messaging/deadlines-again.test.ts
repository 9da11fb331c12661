/** Deadlines that are set while others expire. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { clearDeadline, type Deadline, openDeadlines, startDeadline } from "../../../src/actors/messaging/deadlines.ts";

test("a deadline that is set again while it expires comes again, also if its timer fired early", () => {
  let nowMs = Math.ceil(performance.now()) + 1000;
  mock.timers.enable({ apis: ["setTimeout"] });
  const clock = mock.method(performance, "now", () => nowMs);
  const expiredMs: number[] = [];
  const startMs = nowMs;
  const again: Deadline = {
    dueTick: 0,
    previousDue: undefined,
    nextDue: undefined,
    expire() {
      expiredMs.push(nowMs - startMs);
      // Less than what is left of the tick.
      if (expiredMs.length < 4) startDeadline(0.2, again);
    },
  };
  try {
    startDeadline(1, again);
    for (const ms of [0.6, 1.6, 2.6, 3.6, 4.6]) {
      nowMs = startMs + ms;
      mock.timers.tick(1);
    }
    assert.deepEqual(expiredMs.length, 4);
    assert.equal(openDeadlines(), 0);
  } finally {
    clock.mock.restore();
    mock.timers.reset();
  }
});

test("a deadline of a negative time comes behind those that were due at once before it", () => {
  let nowMs = Math.ceil(performance.now()) + 2000;
  mock.timers.enable({ apis: ["setTimeout"] });
  const clock = mock.method(performance, "now", () => nowMs);
  const expired: string[] = [];
  const start = (name: string, durationMs: number): Deadline => {
    const expire = (): void => void expired.push(name);
    const deadline: Deadline = { dueTick: 0, previousDue: undefined, nextDue: undefined, expire };
    startDeadline(durationMs, deadline);
    return deadline;
  };
  try {
    // The wheel stands where it was at this one until its timer fires.
    const far = start("far", 60_000);
    nowMs += 20;
    start("first", 0);
    // As if others had the CPU meanwhile.
    nowMs += 5;
    start("second", -7);
    start("third", -Infinity);
    start("fourth", 0);
    nowMs += 1;
    mock.timers.tick(10);
    clearDeadline(far);
    assert.deepEqual(expired, ["first", "second", "third", "fourth"]);
  } finally {
    clock.mock.restore();
    mock.timers.reset();
  }
});
