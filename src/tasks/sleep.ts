/** Sleeping, and yielding. */

import { badDuration, isDuration } from "../kit/durations.ts";
import { LongTimer } from "../kit/long-timer.ts";
import type { Context } from "./context/context.ts";
import { notAContext } from "./context/context-check.ts";
import { isTimeUp } from "../runtime/run-queue.ts";
import { nextTurn, parkWith } from "./waiter.ts";

/**
 * Waits, and lets everything else go on meanwhile. With a context it ends early when that is cancelled.
 *
 * @param ms 0 or less: until timers have run. `Infinity`: until the context is cancelled, without keeping the program alive.
 * @throws the context's error: CANCELED or DEADLINE_EXCEEDED; TASK_INVALID if it is not a number
 */
export function sleep(ms: number, context?: Context): Promise<void> {
  const invalid = isDuration(ms)
    ? notAContext(context, "sleep()")
    : badDuration("TASK_INVALID", "the time to sleep", ms);
  if (invalid !== undefined) return Promise.reject(invalid);
  return parkWith<void>("sleep", (waiter) => {
    const { error } = context ?? {};
    if (error !== undefined) return waiter.fail(error);
    let forget: (() => void) | undefined;
    const timer = new LongTimer(() => {
      forget?.();
      waiter.wake(undefined);
    }, ms);
    forget = context?.onCancel(() => {
      timer.clear();
      waiter.fail(context.error);
    });
  });
}

/**
 * Yields to the other tasks that are ready, and to timers and I/O too if the round's time (a millisecond) is up. A task that
 * computes for long should call it now and then.
 */
export function yieldNow(): Promise<void> {
  isTimeUp();
  return nextTurn(undefined);
}
