/**
 * A promise that is settled in a turn of the unit that made it, so that the unit does not go on in the turn of who settles it.
 * Other code that made one goes on at once.
 */

import { runQueue, type Turn } from "./run-queue.ts";
import { waitingUnit } from "./running-unit.ts";

export class TurnPromise<T> implements Turn {
  readonly promise: Promise<T>;
  readonly #waiter: Turn | undefined = waitingUnit();
  #settle: (outcome: T | Promise<never>) => void;
  #outcome: T | Promise<never> | undefined;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<T>();
    this.promise = promise;
    this.#settle = resolve;
  }

  resolve(outcome: T | Promise<never>): void {
    if (this.#waiter === undefined) this.#settle(outcome);
    else this.queue(outcome);
  }

  /** Like `resolve`. Other code goes on after the units that are queued now, too. */
  queue(outcome: T | Promise<never>): void {
    this.#outcome = outcome;
    runQueue.add(this);
  }

  reject(error: unknown): void {
    const rejected = Promise.reject(error);
    // Whoever awaits the promise gets the error a turn later.
    rejected.catch(() => {});
    this.resolve(rejected);
  }

  run(): void {
    if (this.#waiter !== undefined) runQueue.current = this.#waiter;
    this.#settle(this.#outcome as T);
  }
}

/**
 * A promise of `value` that settles in the caller's next turn. For an operation that need not wait: if time is up (`isTimeUp`), others
 * run before the caller goes on.
 */
export function inNextTurn<T>(value: T): Promise<T> {
  const later = new TurnPromise<T>();
  later.queue(value);
  return later.promise;
}
