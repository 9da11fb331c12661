/**
 * A number of permits. A request for more than are left waits, and all later requests wait behind it, so that small requests do
 * not starve a large one.
 */

import { count as counted } from "../../errors/count.ts";
import { HeddleError } from "../../errors/errors.ts";
import type { Maybe } from "../channel/channel-core.ts";
import type { Context } from "../context/context.ts";
import { registerCallable } from "./remote-call.ts";
import { done, parkWith, WaitQueue, type Waiter } from "../waiter.ts";

export interface SemaphoreCore {
  acquire(count: number, context?: Context): Promise<void>;
  tryAcquire(count: number): Maybe<boolean>;
  release(count: number): Maybe<void>;
}

class LocalSemaphore implements SemaphoreCore {
  readonly #permits: number;
  #left: number;
  readonly #waiters: WaitQueue = new WaitQueue();

  constructor(permits: number) {
    if (!Number.isSafeInteger(permits) || permits < 0)
      throw misuse(`needs a whole number of permits, and got ${permits}`);
    this.#permits = permits;
    this.#left = permits;
  }

  acquire(count: number, context?: Context): Promise<void> {
    if (this.tryAcquire(count)) return done();
    const { error } = context ?? {};
    if (error !== undefined) return Promise.reject(error);
    return parkWith<void>("semaphore", (waiter) => {
      waiter.index = count;
      this.#waiters.add(waiter);
      if (context !== undefined) this.#watch(waiter, context);
    });
  }

  tryAcquire(count: number): boolean {
    this.#check(count);
    if (count > this.#permits) throw misuse(`has ${counted(this.#permits, "permit")}, and ${count} were requested`);
    if (this.#left < count || this.#waiters.first !== undefined) return false;
    this.#left -= count;
    return true;
  }

  release(count: number): void {
    this.#check(count);
    if (this.#left + count > this.#permits)
      throw misuse(`was released ${counted(count, "time")} more than it was acquired`);
    this.#left += count;
    this.#letIn();
  }

  #letIn(): void {
    for (
      let first = this.#waiters.first;
      first !== undefined && first.index <= this.#left;
      first = this.#waiters.first
    ) {
      this.#left -= first.index;
      this.#waiters.remove(first);
      first.wake(undefined);
    }
  }

  #watch(waiter: Waiter, context: Context): void {
    const forget = context.onCancel(() => {
      if (waiter.queue !== this.#waiters) return;
      this.#waiters.remove(waiter);
      waiter.fail(context.error);
      // It may have been a large request that blocked small ones.
      this.#letIn();
    });
    const settle = waiter.settle!;
    waiter.settle = (result) => {
      forget();
      settle(result);
    };
  }

  #check(count: number): void {
    if (!Number.isSafeInteger(count) || count < 0) throw misuse(`needs a whole number, and got ${count}`);
  }
}

export class Semaphore {
  readonly #core: SemaphoreCore;

  /**
   * @param core For the library.
   * @throws HeddleError SYNC_MISUSE
   */
  constructor(permits: number, core: SemaphoreCore = new LocalSemaphore(permits)) {
    this.#core = core;
  }

  /**
   * Settles when the caller has this many permits. With a context it gives up when that is cancelled.
   *
   * @throws HeddleError SYNC_MISUSE if it is more than the semaphore has; the context's error
   */
  async acquire(count: number = 1, context?: Context): Promise<void> {
    return context === undefined ? this.#core.acquire(count) : this.#core.acquire(count, context);
  }

  /** Takes permits if enough are free and no task waits. On another thread than the semaphore's own, returns a promise. */
  tryAcquire(count: number = 1): Maybe<boolean> {
    return this.#core.tryAcquire(count);
  }

  /** @throws HeddleError SYNC_MISUSE if it is more than were acquired */
  release(count: number = 1): Maybe<void> {
    return this.#core.release(count);
  }

  /** Runs a function with permits, and releases them however it ends. */
  async withPermit<R>(run: () => R | PromiseLike<R>, count: number = 1): Promise<Awaited<R>> {
    await this.acquire(count);
    try {
      return await run();
    } finally {
      await this.release(count);
    }
  }

  static {
    registerCallable<Semaphore, SemaphoreCore>({
      tag: "semaphore",
      prototype: Semaphore.prototype,
      coreOf: (semaphore) => semaphore.#core,
      withCore: (core) => new Semaphore(0, core),
      methods: ["acquire", "tryAcquire", "release"],
      holds: { acquire: "release", tryAcquire: "release" },
    });
  }
}

function misuse(message: string): HeddleError {
  return new HeddleError("SYNC_MISUSE", `the semaphore ${message}.`);
}
