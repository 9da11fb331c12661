/**
 * What waits in the queue of a channel, a lock and so on, and the queue itself. Two things do: a task that waits for one thing
 * (jobs/unit.ts), and a waiter (waiter.ts) of whoever else: plain code, an actor, another thread, a case of a select, a task that
 * waits for several things. A task is its own waiter because there may be a million of them.
 *
 * Invariants
 * - A waiter is in one queue at a time, or in none when it was woken.
 * - It is woken once. After that only a new wait may change it.
 */

import type { Turn } from "../runtime/run-queue.ts";
import type { Selection } from "./select/selection.ts";

/** What somebody waits for, for a dump: "receive", "lock" … */
export type Where = string;

export type Settle = (result: unknown) => void;

export abstract class Waiting implements Turn {
  next: Waiting | undefined = undefined;
  previous: Waiting | undefined = undefined;
  /** The queue it is in. */
  queue: WaitQueue | undefined = undefined;
  /** What it brings (a sender's value). In the run queue: what its promise settles with. */
  value: unknown;
  /** Of its promise. */
  settle: Settle | undefined;
  /** Set for a select, which waits in other queues too. On the prototype, unless it may be set. */
  declare readonly selection: Selection | undefined;
  /** A number of whoever made it: the case of a select, a count of permits. On the prototype, unless it may be set. */
  declare readonly index: number;

  constructor(settle: Settle | undefined, value: unknown) {
    this.value = value;
    this.settle = settle;
  }

  /** What it waits for. */
  abstract readonly where: Where | undefined;

  /** It waits on this thread, and for nothing else: to wake it is all that there is to do. */
  abstract get isPlain(): boolean;

  abstract run(): void;

  /** Wakes it: its promise settles with this result. It must be in no queue any more. */
  abstract wake(result: unknown): void;

  /** Wakes it too, but whoever calls goes on before it, until that parks or its round is over. */
  abstract wakeLater(result: unknown): void;

  /** Wakes it with an error. */
  fail(error: unknown): void {
    const rejected = Promise.reject(error instanceof Error ? error : new Error(String(error)));
    // Whoever awaits the waiter's promise gets the error.
    rejected.catch(() => {});
    this.wake(rejected);
  }
}

Object.assign(Waiting.prototype, { selection: undefined, index: 0 });

/** The waiters for one thing, first come first served. */
export class WaitQueue {
  first: Waiting | undefined = undefined;
  last: Waiting | undefined = undefined;

  add(waiter: Waiting): void {
    const { last } = this;
    waiter.queue = this;
    if (last === undefined) this.first = waiter;
    else {
      waiter.previous = last;
      last.next = waiter;
    }
    this.last = waiter;
  }

  remove(waiter: Waiting): void {
    if (waiter.queue !== this) return;
    if (waiter.previous === undefined) this.first = waiter.next;
    else waiter.previous.next = waiter.next;
    if (waiter.next === undefined) this.last = waiter.previous;
    else waiter.next.previous = waiter.previous;
    waiter.queue = waiter.next = waiter.previous = undefined;
  }

  /** Removes its first waiter. */
  takeFirst(waiter: Waiting): void {
    const following = waiter.next;
    this.first = following;
    if (following === undefined) this.last = undefined;
    else {
      following.previous = undefined;
      waiter.next = undefined;
    }
    waiter.queue = undefined;
  }

  /** Removes and returns the first. Only for queues without selects in them. */
  shift(): Waiting | undefined {
    const waiter = this.first;
    if (waiter !== undefined) this.takeFirst(waiter);
    return waiter;
  }
}
