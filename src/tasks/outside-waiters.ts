/**
 * What code outside of tasks and actors waits for: the main program. Only the last few are kept, which costs a store for each;
 * a main program rarely waits for more at a time.
 */

import type { Waiter } from "./waiter.ts";

const KEPT = 16;
const recent: Waiter[] = [];
let next = 0;

export function noteOutside(waiter: Waiter): void {
  recent[next] = waiter;
  next = (next + 1) % KEPT;
}

/** Those that were not woken. */
export function waitersOutside(): Waiter[] {
  return recent.filter((waiter) => waiter.settle !== undefined);
}
