/** The clocks that pools run on. */

import { monotonicMs } from "../kit/clock.ts";
import { clearTimeout as clearNativeTimeout, setTimeout as setNativeTimeout } from "../kit/native-timers.ts";
import type { PoolClock } from "./pool-options.ts";

/** Its timers keep the process alive. */
export const systemClock: PoolClock = {
  nowMs: monotonicMs,
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** For a library in any program: its timers keep nothing alive, and a test's fake timers do not stop them. */
export const backgroundClock: PoolClock = {
  nowMs: monotonicMs,
  after: (delayMs, callback) => {
    const timer = setNativeTimeout(callback, delayMs).unref();
    return () => clearNativeTimeout(timer);
  },
};
