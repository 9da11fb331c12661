import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LongTimer } from "../../src/kit/long-timer.ts";
import { DAYS_30_MS, MAX_TIMER_MS } from "../support/timers.ts";

describe("a timer for any length of time", () => {
  test("fires once its time has come, and not before", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    let fired = 0;
    const timer = new LongTimer(() => fired++, DAYS_30_MS);
    t.mock.timers.tick(MAX_TIMER_MS);
    t.mock.timers.tick(DAYS_30_MS - MAX_TIMER_MS - 1);
    assert.equal(fired, 0);
    t.mock.timers.tick(1);
    assert.equal(fired, 1);
    timer.clear();
  });

  test("can be cleared in any of its steps", (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const timers = [MAX_TIMER_MS, DAYS_30_MS, DAYS_30_MS].map((ms) => new LongTimer(() => assert.fail("fired"), ms));
    timers[1]!.clear();
    t.mock.timers.tick(MAX_TIMER_MS - 1);
    timers[0]!.clear();
    t.mock.timers.tick(1000);
    timers[2]!.clear();
    t.mock.timers.tick(DAYS_30_MS);
  });
});
