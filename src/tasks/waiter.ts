/** How a task parks: a waiter in a queue, and a promise that the task awaits. Waking stores the promise's result and puts the
 * waiter into the run queue. The waiter's turn settles the promise.
 *
 * A waiter belongs to one queue at a time, or to none when it was woken. Rejected: reusing waiters. It was no faster in the
 * benchmarks: kept objects get old, and V8 must record each young promise that an old object points to.
 */

import { runQueue, type Turn } from "../runtime/run-queue.ts";
import { currentUnit, Unit } from "./jobs/unit.ts";
import { noteOutside } from "./outside-waiters.ts";
import type { Selection } from "./select/selection.ts";

/** What the waiter waits for, for a dump: "receive", "lock" … */
export type Where = string;

type Settle = (result: unknown) => void;

let settleNext: Settle;
const stash = (resolve: Settle): void => {
  settleNext = resolve;
};

export class Waiter implements Turn {
  next: Waiter | undefined = undefined;
  previous: Waiter | undefined = undefined;
  /** The queue it is in. */
  queue: WaitQueue | undefined = undefined;
  /** What it brings (a sender's value). After it was woken: what its promise settles with. */
  value: unknown = undefined;
  where: Where = "";
  /** The task or actor that parked. It gets the turn again when the waiter's promise settles. */
  owner: Turn | undefined = undefined;
  /** Set for a select, which waits in other queues too. */
  selection: Selection | undefined = undefined;
  /** The case of the select that it belongs to. */
  index: number = 0;
  /** Called instead of settling a promise: the waiter is for another thread, or for a select. */
  told: ((result: unknown, error?: unknown) => void) | undefined = undefined;
  settle: Settle | undefined = undefined;

  run(): void {
    const settle = this.settle!;
    const result = this.value;
    const { owner } = this;
    this.settle = this.value = this.owner = undefined;
    if (owner !== undefined) runQueue.current = owner;
    if (!(owner instanceof Unit)) return settle(result);
    owner.waiter = undefined;
    owner.sinceMs = Math.floor(runQueue.nowMs());
    owner.resumes();
    settle(result);
    // If more has come that its owner waits for, the owner gets it in the same turn.
    if (owner.waitsForSeveral) runQueue.runWhile(isFor, owner);
  }

  /** Wakes it: in its turn the promise settles with this result. It must be in no queue any more. */
  wake(result: unknown): void {
    if (this.told !== undefined) {
      this.told(result);
      return;
    }
    this.value = result;
    runQueue.add(this);
  }

  /** Wakes it with an error. */
  fail(error: unknown): void {
    if (this.told !== undefined) {
      this.told(undefined, error);
      return;
    }
    const rejected = Promise.reject(error instanceof Error ? error : new Error(String(error)));
    // Whoever awaits the waiter's promise gets the error.
    rejected.catch(() => {});
    this.wake(rejected);
  }
}

function isFor(turn: Turn, owner: Turn): boolean {
  return turn instanceof Waiter && turn.owner === owner;
}

/** The waiters for one thing, first come first served. */
export class WaitQueue {
  first: Waiter | undefined = undefined;
  last: Waiter | undefined = undefined;
  length: number = 0;

  add(waiter: Waiter): void {
    waiter.queue = this;
    waiter.previous = this.last;
    waiter.next = undefined;
    if (this.last === undefined) this.first = waiter;
    else this.last.next = waiter;
    this.last = waiter;
    this.length++;
  }

  remove(waiter: Waiter): void {
    if (waiter.queue !== this) return;
    if (waiter.previous === undefined) this.first = waiter.next;
    else waiter.previous.next = waiter.next;
    if (waiter.next === undefined) this.last = waiter.previous;
    else waiter.next.previous = waiter.previous;
    waiter.queue = waiter.next = waiter.previous = undefined;
    this.length--;
  }

  /** Removes and returns the first. Only for queues without selects in them. */
  shift(): Waiter | undefined {
    const waiter = this.first;
    if (waiter !== undefined) this.remove(waiter);
    return waiter;
  }
}

/** Parks the caller in a queue. The promise settles when the waiter is woken. */
export function park<T>(queue: WaitQueue, where: Where, value?: unknown): Promise<T> {
  const waiter = newWaiter(where);
  waiter.value = value;
  const promise = new Promise<T>(stash as never);
  waiter.settle = settleNext;
  queue.add(waiter);
  const turn = runQueue.current;
  if (turn !== undefined) runQueue.parked(turn);
  return promise;
}

/** A waiter for the calling task, in no queue yet. */
export function newWaiter(where: Where): Waiter {
  const waiter = new Waiter();
  waiter.where = where;
  const unit = currentUnit();
  if (unit !== undefined) {
    waiter.owner = unit;
    if (unit.waiter !== undefined) unit.waitsForSeveral = true;
    unit.waiter = waiter;
    unit.sinceMs = Math.floor(runQueue.nowMs());
  } else {
    waiter.owner = runQueue.current;
    if (waiter.owner === undefined) noteOutside(waiter);
  }
  return waiter;
}

/** Parks the caller outside of any queue. `begin` gets the waiter, and must arrange for it to be woken. */
export function parkWith<T>(where: Where, begin: (waiter: Waiter) => void): Promise<T> {
  const waiter = newWaiter(where);
  const promise = new Promise<T>(stash as never);
  waiter.settle = settleNext;
  begin(waiter);
  const turn = runQueue.current;
  if (turn !== undefined) runQueue.parked(turn);
  return promise;
}

const settled: Promise<void> = Promise.resolve();

/** Operations without parking between two reads of the clock. */
const UNWATCHED = 64;
let unwatched = UNWATCHED;

/** Whether an operation that need not park must still wait for its next turn, because the round's time is up. */
export function isTimeUp(): boolean {
  if (--unwatched > 0) return false;
  unwatched = UNWATCHED;
  return runQueue.isOverBudget();
}

/** Done without parking: resolves at once, or after timers and I/O have run. */
export function done(): Promise<void> {
  return isTimeUp() ? nextTurn(undefined) : settled;
}

/** A promise of `result` that settles in the caller's next turn. */
export function nextTurn<T>(result: T): Promise<T> {
  return parkWith<T>("yield", (waiter) => waiter.wake(result));
}
