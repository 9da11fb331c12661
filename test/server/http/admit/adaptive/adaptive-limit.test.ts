import assert from "node:assert/strict";
import { test } from "node:test";
import { AdaptiveLimit } from "../../../../../src/server/http/admit/adaptive/adaptive-limit.ts";
import { ROW } from "../../../../../src/server/http/admit/adaptive/memory.ts";

test("the report tells how many answers there are a second, and 0 when there are none any more", () => {
  const limit = new AdaptiveLimit({ adaptive: { seed: 8 } }, 100);
  const row = new Float64Array(limit.memory().row);
  const watch = (fromMs: number, untilMs: number, isAnswering: boolean): void => {
    for (let nowMs = fromMs; nowMs < untilMs; nowMs += 25) {
      // All wait for something that hangs: requests come, and none is answered.
      row[ROW.arrivals]! += 20;
      if (isAnswering) {
        row[ROW.answers]! += 10;
        row[ROW.answerMs]! += 100;
        row[ROW.inFlight]! += 40;
      }
      limit.look(nowMs);
    }
  };
  watch(0, 2000, true);
  assert.equal(Math.round(limit.report("*").answersPerSecond), 400);
  watch(2000, 4000, false);
  assert.equal(limit.report("*").answersPerSecond, 0);
  watch(4000, 6000, true);
  assert.equal(Math.round(limit.report("*").answersPerSecond), 400);
});
