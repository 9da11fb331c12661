/**
 * A number of permits. A request for more than are left waits, and all later requests wait behind it, so that small requests do
 * not starve a large one.
 */

import { count as counted } from "../../errors/count.ts";
import { HeddleError } from "../../errors/errors.ts";
import type { Maybe } from "../channel/channel-core.ts";
import type { Context } from "../context/context.ts";
import { checkContext } from "../context/context-check.ts";
import { HERE, type Holdable, type Holder, Holds, removeWaiters } from "./holds.ts";
import { registerCallable } from "./remote-call.ts";
import { done, failed, parkWith, WaitQueue, type Waiter } from "../waiter.ts";

export interface SemaphoreCore {
  acquire(by: Holder, count: number, context?: Context): Promise<void>;
  tryAcquire(by: Holder, count: number): Maybe<boolean>;
  release(by: Holder, count: number): Maybe<void>;
}

class LocalSemaphore implements SemaphoreCore, Holdable {
  readonly #permits: number;
  #left: number;
  readonly #holds: Holds = new Holds(this);
  readonly #waiters: WaitQueue = new WaitQueue();

  constructor(permits: number) {
    if (!Number.isSafeInteger(permits) || permits < 0)
      throw misuse(`needs a whole number of permits, and got ${String(permits)}`);
    this.#permits = permits;
    this.#left = permits;
  }

  acquire(by: Holder, count: number, context?: Context): Promise<void> {
    this.#checkRequest(count);
    if (context?.error !== undefined) return failed(context.error);
    if (this.tryAcquire(by, count)) return done();
    return context === undefined ? this.#wait(by, count) : this.#waitUntilCanceled(by, count, context);
  }

  tryAcquire(by: Holder, count: number): boolean {
    this.#checkRequest(count);
    if (this.#left < count || this.#waiters.first !== undefined) return false;
    this.#grant(by, count);
    return true;
  }

  release(by: Holder, count: number): void {
    this.#check(count);
    if (this.#left + count > this.#permits)
      throw misuse(`was released ${counted(count, "time")} more than it was acquired`);
    this.#holds.give(by, count, this.#permits - this.#left);
    this.#left += count;
    this.#letIn();
  }

  threadGone(thread: number): void {
    removeWaiters(this.#waiters, thread);
    this.#left += this.#holds.lose(thread);
    this.#letIn();
  }

  #wait(by: Holder, count: number, began?: (waiter: Waiter) => void): Promise<void> {
    return parkWith<void>("semaphore", (waiter) => {
      waiter.index = count;
      waiter.value = by;
      this.#waiters.add(waiter);
      began?.(waiter);
    });
  }

  async #waitUntilCanceled(by: Holder, count: number, context: Context): Promise<void> {
    let forget: (() => void) | undefined;
    try {
      await this.#wait(by, count, (waiter) => {
        forget = context.onCancel(() => this.#giveUp(waiter, context));
      });
    } finally {
      forget?.();
    }
    // The permits have come, and the context was cancelled before the caller could go on.
    if (context.error === undefined) return;
    // If its thread has ended, they have been taken back already.
    if (by === HERE || this.#holds.of(by) >= count) this.release(by, count);
    throw context.error;
  }

  #giveUp(waiter: Waiter, context: Context): void {
    if (waiter.queue !== this.#waiters) return;
    this.#waiters.remove(waiter);
    waiter.fail(context.error);
    // It may have been a large request that blocked small ones.
    this.#letIn();
  }

  #letIn(): void {
    for (
      let first = this.#waiters.first;
      first !== undefined && first.index <= this.#left;
      first = this.#waiters.first
    ) {
      this.#grant(first.value as Holder, first.index);
      this.#waiters.remove(first);
      first.wake(undefined);
    }
  }

  #grant(by: Holder, count: number): void {
    this.#left -= count;
    this.#holds.take(by, count);
  }

  #checkRequest(count: number): void {
    this.#check(count);
    if (count > this.#permits) throw misuse(`has ${counted(this.#permits, "permit")}, and ${count} were requested`);
  }

  #check(count: number): void {
    if (!Number.isSafeInteger(count) || count < 0) throw misuse(`needs a whole number, and got ${String(count)}`);
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
   * Settles when the caller has this many permits. With a context it gives up when that is cancelled; if it was cancelled
   * before, it takes none, even if enough are free.
   *
   * @throws HeddleError SYNC_MISUSE if it is more than the semaphore has; the context's error
   */
  async acquire(count: number = 1, context?: Context): Promise<void> {
    checkContext(context, "semaphore.acquire()");
    return context === undefined ? this.#core.acquire(HERE, count) : this.#core.acquire(HERE, count, context);
  }

  /** Takes permits if enough are free and no task waits. On another thread than the semaphore's own, returns a promise. */
  tryAcquire(count: number = 1): Maybe<boolean> {
    return this.#core.tryAcquire(HERE, count);
  }

  /** @throws HeddleError SYNC_MISUSE if it is more than were acquired */
  release(count: number = 1): Maybe<void> {
    return this.#core.release(HERE, count);
  }

  /** Runs a function with permits, and releases them however it ends. A context ends only the waiting for the permits. */
  async withPermit<R>(run: () => R | PromiseLike<R>, count: number = 1, context?: Context): Promise<Awaited<R>> {
    await this.acquire(count, context);
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
    });
  }
}

function misuse(message: string): HeddleError {
  return new HeddleError("SYNC_MISUSE", `the semaphore ${message}.`);
}
