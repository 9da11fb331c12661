/**
 * Go's sync.Pool: objects that are costly to make, kept for their next use until memory is short. A garbage collection makes the pool's
 * objects the reserve, and drops the reserve before: an object that was not used between two collections is gone. So a pool needs no
 * limit, and a peak does not keep its memory.
 *
 * A collection shows in that an object that nobody holds is finalised. Each pool has such a sentinel, and makes a new one each time.
 */

import { HeddleError } from "../../errors/errors.ts";
import { isTimeUp } from "../../runtime/run-queue.ts";
import { nextTurn } from "../waiter.ts";

/** Objects of one thread: each thread makes its own pool. */
export class Pool<T> {
  readonly #make: () => T;
  #free: T[] = [];
  #reserve: T[] = [];
  #isWatched = false;

  /**
   * @param make Makes an object when none is free.
   * @throws HeddleError SYNC_MISUSE if it is not a function
   */
  constructor(make: () => T) {
    if (typeof make !== "function") {
      throw new HeddleError("SYNC_MISUSE", `a Pool needs a function that makes an object, and got ${typeof make}.`);
    }
    this.#make = make;
  }

  /** An object that was put back, the last one first, or a new one. It is as it was left: reset it. */
  get(): T {
    const pooled = this.#free.length > 0 ? this.#free : this.#reserve;
    return pooled.length > 0 ? pooled.pop()! : this.#make();
  }

  /** Puts an object back. The caller must not use it any more. undefined and null are ignored. */
  put(object: T): void {
    if (object === undefined || object === null) return;
    this.#free.push(object);
    if (!this.#isWatched) this.#watch();
  }

  /** Gets an object for a function, and puts it back however the function ends. */
  async with<R>(run: (object: T) => R | PromiseLike<R>): Promise<Awaited<R>> {
    const object = this.get();
    try {
      return await run(object);
    } finally {
      this.put(object);
      if (isTimeUp()) await nextTurn(undefined);
    }
  }

  /** Only while it holds objects: an unused pool costs nothing. */
  #watch(): void {
    this.#isWatched = true;
    collections.register({}, new WeakRef<Pool<unknown>>(this));
  }

  /** For the library: a garbage collection has happened. */
  collected(): void {
    this.#reserve = this.#free;
    this.#free = [];
    this.#isWatched = false;
    if (this.#reserve.length > 0) this.#watch();
  }
}

const collections = new FinalizationRegistry<WeakRef<Pool<unknown>>>((pool) => pool.deref()?.collected());
