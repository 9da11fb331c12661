/** The clocks that pools run on. */

import { monotonicMs } from "../kit/clock.ts";
import type { PoolClock } from "./pool.ts";

/** Its timers keep the process alive. */
export const systemClock: PoolClock = {
  nowMs: monotonicMs,
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
