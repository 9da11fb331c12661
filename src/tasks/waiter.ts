/** How a task parks: a waiter in a queue, and a promise that the task awaits. Waking settles the promise. Then V8 continues the
 * task, in the order of the wakings, because its queue of microtasks is first come first served.
 *
 * So a task needs no turn: it is woken at once, as long as the run queue allows (`resumesAtOnce`). Otherwise it joins the run
 * queue, and is woken from there. An actor that waits here does need a turn: its waiter always joins the run queue, and passes
 * the turn to the actor.
 *
 * Rejected: reusing waiters that are in no task. It was no faster in the benchmarks: kept objects get old, and V8 must record
 * each young promise that an old object points to.
 */

import { isTimeUp, runQueue, type Turn } from "../runtime/run-queue.ts";
import { waitingUnit } from "../runtime/running-unit.ts";
import { currentUnit, type Unit } from "./jobs/unit.ts";
import { noteOutside } from "./outside-waiters.ts";
import type { Selection } from "./select/selection.ts";
import { type Settle, Waiting, type WaitQueue, type Where } from "./wait-queue.ts";

export { WaitQueue, type Waiting, type Where } from "./wait-queue.ts";

let settleNext: Settle;
const stash = (resolve: Settle): void => {
  settleNext = resolve;
};

/** A waiter that is not a task itself. */
export class Waiter extends Waiting {
  /** The task that parked. undefined: plain code, or an actor. */
  readonly unit: Unit | undefined;
  /** The actor that parked. It gets the turn again when the waiter's promise settles. */
  readonly actor: Turn | undefined;
  readonly where: Where;
  override selection: Selection | undefined = undefined;
  override index: number = 0;
  /** In the list of what its task waits for. */
  earlier: Waiter | undefined = undefined;
  later: Waiter | undefined = undefined;
  /** Called instead of settling a promise: the waiter is for another thread, or for a select. */
  told: ((result: unknown, error?: unknown) => void) | undefined = undefined;

  constructor(where: Where = "", unit?: Unit, actor?: Turn, settle?: Settle, value?: unknown) {
    super(settle, value);
    this.where = where;
    this.unit = unit;
    this.actor = actor;
  }

  get isPlain(): boolean {
    return this.selection === undefined && this.told === undefined;
  }

  get isShared(): boolean {
    return this.actor === undefined;
  }

  run(): void {
    const result = this.value;
    if (this.actor === undefined) this.#resume(result, runQueue.share());
    else {
      runQueue.current = this.actor;
      this.#settle(result);
    }
  }

  wake(result: unknown): void {
    if (this.told !== undefined) this.told(result);
    else if (this.actor === undefined && runQueue.resumesAtOnce()) this.#resume(result, false);
    else this.#enqueue(result);
  }

  wakeLater(result: unknown): void {
    if (this.told === undefined) this.#enqueue(result);
    else this.told(result);
  }

  #enqueue(result: unknown): void {
    this.value = result;
    runQueue.add(this);
  }

  override fail(error: unknown): void {
    if (this.told === undefined) super.fail(error);
    else this.told(undefined, error);
  }

  #resume(result: unknown, isAlone: boolean): void {
    if (this.unit !== undefined) {
      this.unit.waited(this);
      this.unit.goesOn(isAlone);
    }
    this.#settle(result);
  }

  #settle(result: unknown): void {
    const settle = this.settle!;
    // It may be remembered for long (outside-waiters.ts).
    this.settle = this.value = undefined;
    settle(result);
  }
}

/** Parks the caller in a queue. The promise settles when the waiter is woken. */
export function park<T>(queue: WaitQueue, where: Where, value?: unknown): Promise<T> {
  const promise = new Promise<T>(stash as never);
  const unit = currentUnit();
  if (unit !== undefined && unit.settle === undefined && !unit.isKept) {
    unit.parksAs(where, settleNext, value);
    queue.add(unit);
    return promise;
  }
  const waiter = waiterOf(unit, where, value);
  queue.add(waiter);
  if (waiter.actor !== undefined) runQueue.parked(waiter.actor);
  return promise;
}

/** Parks the caller outside of any queue. `begin` gets the waiter, and must arrange for it to be woken. */
export function parkWith<T>(where: Where, begin: (waiter: Waiter) => void): Promise<T> {
  const promise = new Promise<T>(stash as never);
  const waiter = waiterOf(currentUnit(), where, undefined);
  begin(waiter);
  if (waiter.actor !== undefined) runQueue.parked(waiter.actor);
  return promise;
}

/** For the promise that was made last. */
function waiterOf(unit: Unit | undefined, where: Where, value: unknown): Waiter {
  if (unit === undefined) {
    const waiter = new Waiter(where, undefined, waitingUnit(), settleNext, value);
    if (waiter.actor === undefined) noteOutside(waiter);
    return waiter;
  }
  const waiter = new Waiter(where, unit, undefined, settleNext, value);
  unit.parksWith(waiter, where);
  return waiter;
}

/** Wakes all that are in the queue now, each when the one before has gone on until it awaits something else. */
export function wakeInTurn(queue: WaitQueue): void {
  const waiters: Waiting[] = [];
  for (let waiter = queue.shift(); waiter !== undefined; waiter = queue.shift()) waiters.push(waiter);
  waiters.reverse();
  const turn: Turn = {
    run: () => {
      waiters.pop()?.wakeLater(undefined);
      if (waiters.length > 0) runQueue.add(turn);
    },
  };
  turn.run();
}

const settled: Promise<void> = Promise.resolve();

/** Done without parking: resolves at once, or after timers and I/O have run. */
export function done(): Promise<void> {
  return isTimeUp() ? nextTurn(undefined) : settled;
}

/** Fails without parking: rejects at once, or after timers and I/O have run. A loop that catches it must not hold up its thread. */
export function failed(error: unknown): Promise<never> {
  return isTimeUp() ? failedInNextTurn(error) : Promise.reject(error);
}

async function failedInNextTurn(error: unknown): Promise<never> {
  await nextTurn(undefined);
  throw error;
}

/** A promise of `result` that settles in the caller's next turn. */
export function nextTurn<T>(result: T): Promise<T> {
  return parkWith<T>("yield", (waiter) => waiter.wakeLater(result));
}
