/** Parking that a context can end. */

import type { Context } from "../context/context.ts";
import { notAContext } from "../context/context-check.ts";
import { failed, park, parkWith, type WaitQueue, type Waiter } from "../waiter.ts";

export interface ParkOptions {
  /** What the waiter brings. */
  readonly value?: unknown;
  /** Called after it has left the queue because of the context. */
  readonly left?: () => void;
}

/**
 * Parks the caller in a queue until it is woken, or until the context is cancelled: then it leaves the queue, and the promise rejects
 * with the context's error.
 */
export function parkUnder<T>(
  queue: WaitQueue,
  where: string,
  context: Context | undefined,
  { value, left }: ParkOptions = {},
): Promise<T> {
  if (context === undefined) return park<T>(queue, where, value);
  const { error } = context;
  if (error !== undefined) return failed(error);
  let parked!: Waiter;
  const promise = parkWith<T>(where, (waiter) => {
    parked = waiter;
    waiter.value = value;
    queue.add(waiter);
  });
  const forget = context.onCancel(() => {
    // Woken already: then it has what it waited for.
    if (parked.queue !== queue) return;
    queue.remove(parked);
    parked.fail(context.error);
    left?.();
  });
  return ended(promise, forget);
}

async function ended<T>(promise: Promise<T>, forget: () => void): Promise<T> {
  try {
    return await promise;
  } finally {
    forget();
  }
}

/** An operation of a context that is cancelled already fails, whatever is free. `user`: whose argument it is. */
export function refusedBy(context: Context | undefined, user: string): Promise<never> | undefined {
  const error = notAContext(context, user) ?? context?.error;
  return error === undefined ? undefined : failed(error);
}
