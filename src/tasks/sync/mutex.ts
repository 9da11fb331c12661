/** A lock with one holder at a time. It is granted in the order of the requests. */

import { HeddleError } from "../../errors/errors.ts";
import type { Maybe } from "../channel/channel-core.ts";
import { registerCallable } from "./remote-call.ts";
import { done, park, WaitQueue } from "../waiter.ts";

export interface MutexCore {
  lock(): Promise<void>;
  tryLock(): Maybe<boolean>;
  unlock(): Maybe<void>;
}

class LocalMutex implements MutexCore {
  #isLocked: boolean = false;
  readonly #waiters: WaitQueue = new WaitQueue();

  lock(): Promise<void> {
    return this.tryLock() ? done() : park<void>(this.#waiters, "mutex");
  }

  tryLock(): boolean {
    if (this.#isLocked) return false;
    this.#isLocked = true;
    return true;
  }

  unlock(): void {
    if (!this.#isLocked) throw new HeddleError("SYNC_MISUSE", "unlock of an unlocked mutex.");
    const next = this.#waiters.shift();
    // It stays locked while it is handed to the next waiter, so that no other task can take it.
    if (next === undefined) this.#isLocked = false;
    else next.wake(undefined);
  }
}

export class Mutex {
  readonly #core: MutexCore;

  /** @param core For the library. */
  constructor(core: MutexCore = new LocalMutex()) {
    this.#core = core;
  }

  /** Settles when the caller has the lock. Any task may unlock it: a lock has no owner. */
  lock(): Promise<void> {
    return this.#core.lock();
  }

  /** Takes the lock if it is free. On another thread than the mutex's own, returns a promise. */
  tryLock(): Maybe<boolean> {
    return this.#core.tryLock();
  }

  /** Hands the lock to the task that has waited longest. On another thread than the mutex's own, returns a promise.
   *
   * @throws HeddleError SYNC_MISUSE if it is not locked
   */
  unlock(): Maybe<void> {
    return this.#core.unlock();
  }

  /** Runs a function with the lock, and unlocks however it ends. */
  async withLock<R>(run: () => R | PromiseLike<R>): Promise<Awaited<R>> {
    await this.lock();
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
      holds: { lock: "unlock", tryLock: "unlock" },
    });
  }
}
