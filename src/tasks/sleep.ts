/** Waiting for time, and letting others go first. */

import type { Context } from "./context/context.ts";
import { isTimeUp, nextTurn, parkWith } from "./waiter.ts";

/**
 * Waits, and lets everything else go on meanwhile. With a context it ends early when that is cancelled.
 *
 * @throws the context's error: CANCELED or DEADLINE_EXCEEDED
 */
export function sleep(ms: number, context?: Context): Promise<void> {
  return parkWith<void>("sleep", (waiter) => {
    const { error } = context ?? {};
    if (error !== undefined) return waiter.fail(error);
    let forget: (() => void) | undefined;
    const timer = setTimeout(() => {
      forget?.();
      waiter.wake(undefined);
    }, ms);
    forget = context?.onCancel(() => {
      clearTimeout(timer);
      waiter.fail(context.error);
    });
  });
}

/**
 * Lets the others that are ready go first; timers and I/O too, if the round's time (a millisecond) is up. A task that computes
 * for long calls it now and then.
 */
export function yieldNow(): Promise<void> {
  isTimeUp();
  return nextTurn(undefined);
}
