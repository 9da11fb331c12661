/** A lock with one holder at a time. It is granted in the order of the requests. */

import { HeddleError } from "../../errors/errors.ts";
import type { Maybe } from "../channel/channel-core.ts";
import type { Context } from "../context/context.ts";
import { HERE, type Holdable, type Holder, involve, release, removeWaiters } from "./holds.ts";
import { parkUnder, refusedBy } from "./park-under.ts";
import { registerCallable } from "./remote-call.ts";
import { done, WaitQueue } from "../waiter.ts";

export interface MutexCore {
  lock(by: Holder, context?: Context): Promise<void>;
  tryLock(by: Holder): Maybe<boolean>;
  unlock(by: Holder): Maybe<void>;
}

class LocalMutex implements MutexCore, Holdable {
  #holder: Holder | undefined;
  readonly #waiters: WaitQueue = new WaitQueue();

  lock(by: Holder, context?: Context): Promise<void> {
    return this.tryLock(by) ? done() : parkUnder<void>(this.#waiters, "mutex", context, { value: by });
  }

  tryLock(by: Holder): boolean {
    if (this.#holder !== undefined) return false;
    this.#grant(by);
    return true;
  }

  unlock(): void {
    if (this.#holder === undefined) throw new HeddleError("SYNC_MISUSE", "unlock of an unlocked mutex.");
    release(this.#holder, this);
    this.#handOver();
  }

  threadGone(thread: number): void {
    removeWaiters(this.#waiters, thread);
    if (this.#holder === thread) this.#handOver();
  }

  /** It stays locked on its way to the next waiter, so that no other task can take it. */
  #handOver(): void {
    const next = this.#waiters.shift();
    this.#holder = undefined;
    if (next === undefined) return;
    this.#grant(next.value as Holder);
    next.wake(undefined);
  }

  #grant(by: Holder): void {
    this.#holder = by;
    involve(by, this);
  }
}

export class Mutex {
  readonly #core: MutexCore;

  /** @param core For the library. */
  constructor(core: MutexCore = new LocalMutex()) {
    this.#core = core;
  }

  /**
   * Settles when the caller has the lock. Any task may unlock it: a lock has no owner. With a context it gives up when that is
   * cancelled: then the caller does not have the lock.
   *
   * @throws the context's error: CANCELED or DEADLINE_EXCEEDED
   */
  lock(context?: Context): Promise<void> {
    return (
      refusedBy(context, "mutex.lock()") ??
      (context === undefined ? this.#core.lock(HERE) : this.#core.lock(HERE, context))
    );
  }

  /** Takes the lock if it is free. On another thread than the mutex's own, returns a promise. */
  tryLock(): Maybe<boolean> {
    return this.#core.tryLock(HERE);
  }

  /** Hands the lock to the task that has waited longest. On another thread than the mutex's own, returns a promise.
   *
   * @throws HeddleError SYNC_MISUSE if it is not locked
   */
  unlock(): Maybe<void> {
    return this.#core.unlock(HERE);
  }

  /**
   * Runs a function with the lock, and unlocks however it ends. A context ends only the waiting for the lock.
   *
   * @throws the context's error, and what the function throws
   */
  async withLock<R>(run: () => R | PromiseLike<R>, context?: Context): Promise<Awaited<R>> {
    await this.lock(context);
    try {
      return await run();
    } finally {
      await this.unlock();
    }
  }

  static {
    registerCallable<Mutex, MutexCore>({
      tag: "mutex",
      prototype: Mutex.prototype,
      coreOf: (mutex) => mutex.#core,
      withCore: (core) => new Mutex(core),
      methods: ["lock", "tryLock", "unlock"],
    });
  }
}
