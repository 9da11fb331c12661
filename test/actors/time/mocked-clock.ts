/** A clock for tests of timers. Only one test of a file can have timers fire by it: a mocked timer that is left over from an earlier
 * test confuses the mock.
 */

import { mock } from "node:test";
import { settled } from "../support.ts";

/** Timers and the clock stand still, and move on when told. */
export async function withClock(run: (skip: (ms: number) => Promise<void>) => Promise<void>): Promise<void> {
  let nowMs = Math.ceil(performance.now()) - 0.5;
  mock.timers.enable({ apis: ["setTimeout"] });
  const clock = mock.method(performance, "now", () => (nowMs += 0.0001));
  try {
    await run(async (ms) => {
      nowMs += ms;
      mock.timers.tick(ms);
      await settled();
    });
  } finally {
    clock.mock.restore();
    mock.timers.reset();
  }
}
