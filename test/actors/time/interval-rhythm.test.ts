/** In its own file, because its clock is mocked. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { cancelTimer, exit, sendInterval } from "../../../src/actors/index.ts";
import { newPuppet, tell } from "../support.ts";
import { withClock } from "./mocked-clock.ts";

test("an interval keeps its rhythm, and sends once for all ticks that were missed", async () => {
  const pid = await newPuppet();
  await withClock(async (skip) => {
    const timer = sendInterval(10, pid, "tick");
    await skip(35);
    assert.deepEqual(await tell(pid, { do: "unseen" }), ["tick"]);
    await skip(4);
    assert.deepEqual(await tell(pid, { do: "unseen" }), []);
    await skip(1);
    assert.deepEqual(await tell(pid, { do: "unseen" }), ["tick"]);
    cancelTimer(timer);
  });
  exit(pid, "kill");
});
