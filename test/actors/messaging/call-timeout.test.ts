/** The default timeout of a call. In its own file, because its clock is mocked. */

import assert from "node:assert/strict";
import { mock } from "node:test";
import { call, exit } from "../../../src/actors/index.ts";
import { newPuppet, onBothSides, settled } from "../support.ts";

onBothSides("a call waits 5,000 ms for its reply unless it is told otherwise", async (on) => {
  const silent = await newPuppet(on);
  // Half a millisecond before a whole one. It creeps, for whoever waits until it is later; the machine's own time has no part
  // in it.
  let nowMs = Math.ceil(performance.now()) - 0.5;
  mock.timers.enable({ apis: ["setTimeout"] });
  const clock = mock.method(performance, "now", () => (nowMs += 0.0001));
  const skip = async (ms: number): Promise<void> => {
    nowMs += ms;
    mock.timers.tick(ms);
    await settled();
  };
  try {
    let ended = false;
    const outcome = call(silent as never, { do: "hold" } as never).finally(() => (ended = true));
    outcome.catch(() => {});
    await skip(4999);
    assert.equal(ended, false);
    await skip(1);
    assert.equal(ended, true);
    await assert.rejects(outcome, { code: "ACTOR_CALL_TIMEOUT", reason: "timeout" });
  } finally {
    exit(silent, "kill");
    clock.mock.restore();
    mock.timers.reset();
  }
});
