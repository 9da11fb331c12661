/** Fake time on any thread but the first: installs the fake timers, fires them when the time has moved, and says when it is parked. */

import { FakeTimers } from "./fake-timers.ts";
import { Activity } from "./parked-thread.ts";
import { onTime, programCounts, tellTime } from "./protocol.ts";

let timers: FakeTimers | undefined;
let activity: Activity | undefined;
/** The timers of the last move are still firing. */
let firing: Promise<void> = Promise.resolve();

onTime("begin", (_from, _round, time) => {
  activity = new Activity();
  timers = new FakeTimers(new Float64Array(time));
});

onTime("moved", () => {
  firing = timers?.fireDue() ?? firing;
});

onTime("ask", (from, round) => {
  void (async () => {
    await firing;
    await activity?.parked();
    const { any, ref } = timers?.next() ?? {};
    tellTime(from, "parked", round, { counts: programCounts(), any, ref });
  })();
});

onTime("end", () => {
  timers?.uninstall();
  timers = undefined;
  activity?.end();
  activity = undefined;
});
