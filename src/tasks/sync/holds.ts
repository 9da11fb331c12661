/**
 * Which other threads hold a lock, permits or similar, or wait for them, so that a thread's end leaves nothing locked.
 *
 * Invariants
 * - A hold is recorded in the step in which the object grants it, and its record ends in the step in which it is released,
 *   whichever task of whichever thread releases it. So the records never differ from the object's own count.
 * - When a thread ends, the object gets back exactly what is recorded for the thread, and the thread's waiters leave the queues.
 * - The object's own thread needs no records: the object ends with it.
 *
 * Any task may release what another one has acquired, as in Go, so a release does not say which hold it ends. It ends one of
 * the releasing thread's own; if that has none, one of the object's own thread; else the oldest.
 *
 * Rejected: recording calls beside the object, when their answers are sent (a lock is granted earlier, and releases on the
 * object's own thread are no calls). Numbers for holds that a release would have to name: Go's API has none.
 */

import { onThreadGone } from "../task-service.ts";
import type { WaitQueue } from "../waiter.ts";

/** A thread that holds or waits. */
export type Holder = number;

/** The object's own thread. */
export const HERE: Holder = -1;

/** An object that other threads may hold or wait for. */
export interface Holdable {
  /** The thread has ended: takes back what it holds, and forgets its waiters. */
  threadGone(thread: number): void;
}

/** By thread: the objects that it holds or waits for, and how many reasons there are. */
const involved = new Map<number, Map<Holdable, number>>();

/** The thread has begun to hold the object, or to wait for it. */
export function involve(thread: Holder, object: Holdable): void {
  if (thread === HERE) return;
  const objects = involved.get(thread) ?? new Map<Holdable, number>();
  involved.set(thread, objects);
  objects.set(object, (objects.get(object) ?? 0) + 1);
}

/** The opposite of `involve`. */
export function release(thread: Holder, object: Holdable): void {
  if (thread === HERE) return;
  const objects = involved.get(thread);
  const reasons = objects?.get(object);
  // Nothing is recorded: the thread has ended.
  if (objects === undefined || reasons === undefined) return;
  if (reasons > 1) objects.set(object, reasons - 1);
  else objects.delete(object);
  if (objects.size === 0) involved.delete(thread);
}

onThreadGone((thread) => {
  const objects = involved.get(thread);
  involved.delete(thread);
  for (const object of objects?.keys() ?? []) object.threadGone(thread);
});

/** For tests: how many objects other threads hold or wait for. */
export function countInvolved(): number {
  let count = 0;
  for (const objects of involved.values()) count += objects.size;
  return count;
}

/** Removes a thread's waiters. A waiter's value is its holder. */
export function removeWaiters(queue: WaitQueue, thread: number): void {
  for (let waiter = queue.first; waiter !== undefined; ) {
    const following = waiter.next;
    if (waiter.value === thread) queue.remove(waiter);
    waiter = following;
  }
}

/** How much of something each other thread holds. */
export class Holds {
  readonly #object: Holdable;
  /** In the order in which they began to hold. */
  readonly #counts: Map<Holder, number> = new Map();
  #total: number = 0;

  constructor(object: Holdable) {
    this.#object = object;
  }

  take(by: Holder, count: number): void {
    if (by === HERE || count === 0) return;
    const before = this.#counts.get(by);
    if (before === undefined) involve(by, this.#object);
    this.#counts.set(by, (before ?? 0) + count);
    this.#total += count;
  }

  /** `inAll`: what all threads hold together, the object's own included, before this. It is at least `count`. */
  give(by: Holder, count: number, inAll: number): void {
    if (this.#total === 0) return;
    let rest = count - this.#lower(by, count);
    // What the object's own thread holds has no record.
    rest -= Math.min(rest, inAll - (count - rest) - this.#total);
    for (const holder of this.#counts.keys()) {
      if (rest === 0) return;
      rest -= this.#lower(holder, rest);
    }
  }

  of(holder: Holder): number {
    return this.#counts.get(holder) ?? 0;
  }

  /** Forgets what a thread holds, and returns how much that was. */
  lose(thread: Holder): number {
    return this.#lower(thread, Infinity);
  }

  #lower(holder: Holder, count: number): number {
    const before = this.#counts.get(holder) ?? 0;
    if (before === 0) return 0;
    const by = Math.min(before, count);
    this.#total -= by;
    if (by < before) {
      this.#counts.set(holder, before - by);
    } else {
      this.#counts.delete(holder);
      release(holder, this.#object);
    }
    return by;
  }
}
