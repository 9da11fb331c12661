/**
 * A lock for one writer or many readers. Neither starves: a waiting writer keeps new readers out. When a writer unlocks, the
 * readers that waited meanwhile come before the next writer.
 */

import { HeddleError } from "../../errors/errors.ts";
import type { Maybe } from "../channel/channel-core.ts";
import type { Context } from "../context/context.ts";
import { HERE, type Holdable, type Holder, Holds, involve, release, removeWaiters } from "./holds.ts";
import { parkUnder, refusedBy } from "./park-under.ts";
import { registerCallable } from "./remote-call.ts";
import { done, WaitQueue } from "../waiter.ts";

export interface RwLockCore {
  lock(by: Holder, context?: Context): Promise<void>;
  tryLock(by: Holder): Maybe<boolean>;
  unlock(by: Holder): Maybe<void>;
  readLock(by: Holder, context?: Context): Promise<void>;
  tryReadLock(by: Holder): Maybe<boolean>;
  readUnlock(by: Holder): Maybe<void>;
}

class LocalRwLock implements RwLockCore, Holdable {
  #writer: Holder | undefined;
  #readers: number = 0;
  readonly #reading: Holds = new Holds(this);
  readonly #waitingWriters: WaitQueue = new WaitQueue();
  readonly #waitingReaders: WaitQueue = new WaitQueue();

  lock(by: Holder, context?: Context): Promise<void> {
    if (this.tryLock(by)) return done();
    const left = (): void => this.#letWaitingReadersIn();
    return parkUnder<void>(this.#waitingWriters, "write lock", context, { value: by, left });
  }

  tryLock(by: Holder): boolean {
    if (this.#writer !== undefined || this.#readers > 0) return false;
    this.#letWrite(by);
    return true;
  }

  unlock(): void {
    if (this.#writer === undefined)
      throw new HeddleError("SYNC_MISUSE", "unlock of an RwLock that is not locked for writing.");
    release(this.#writer, this);
    this.#writer = undefined;
    if (this.#waitingReaders.first === undefined) this.#letWriterIn();
    else this.#letReadersIn();
  }

  readLock(by: Holder, context?: Context): Promise<void> {
    if (this.tryReadLock(by)) return done();
    return parkUnder<void>(this.#waitingReaders, "read lock", context, { value: by });
  }

  tryReadLock(by: Holder): boolean {
    if (this.#writer !== undefined || this.#waitingWriters.first !== undefined) return false;
    this.#letRead(by);
    return true;
  }

  readUnlock(by: Holder): void {
    if (this.#readers === 0)
      throw new HeddleError("SYNC_MISUSE", "readUnlock of an RwLock that is not locked for reading.");
    this.#reading.give(by, 1, this.#readers);
    this.#readers--;
    if (this.#readers === 0) this.#letWriterIn();
  }

  threadGone(thread: number): void {
    removeWaiters(this.#waitingWriters, thread);
    removeWaiters(this.#waitingReaders, thread);
    const left = this.#reading.lose(thread);
    this.#readers -= left;
    if (this.#writer === thread) return this.unlock();
    if (left > 0 && this.#readers === 0) this.#letWriterIn();
    this.#letWaitingReadersIn();
  }

  #letWriterIn(): void {
    const writer = this.#waitingWriters.shift();
    if (writer === undefined) return;
    this.#letWrite(writer.value as Holder);
    writer.wake(undefined);
  }

  /** A writer that has left may have been all that kept readers out. */
  #letWaitingReadersIn(): void {
    if (this.#writer === undefined && this.#waitingWriters.first === undefined) this.#letReadersIn();
  }

  #letReadersIn(): void {
    for (let reader = this.#waitingReaders.shift(); reader !== undefined; reader = this.#waitingReaders.shift()) {
      this.#letRead(reader.value as Holder);
      reader.wake(undefined);
    }
  }

  #letWrite(by: Holder): void {
    this.#writer = by;
    involve(by, this);
  }

  #letRead(by: Holder): void {
    this.#readers++;
    this.#reading.take(by, 1);
  }
}

export class RwLock {
  readonly #core: RwLockCore;

  /** @param core For the library. */
  constructor(core: RwLockCore = new LocalRwLock()) {
    this.#core = core;
  }

  /**
   * Settles when the caller is the only one that has the lock. With a context it gives up when that is cancelled.
   *
   * @throws the context's error: CANCELED or DEADLINE_EXCEEDED
   */
  lock(context?: Context): Promise<void> {
    return (
      refusedBy(context, "rwLock.lock()") ??
      (context === undefined ? this.#core.lock(HERE) : this.#core.lock(HERE, context))
    );
  }

  /** Takes it for writing if it is free. On another thread than the lock's own, this and the other methods return a promise. */
  tryLock(): Maybe<boolean> {
    return this.#core.tryLock(HERE);
  }

  /** @throws HeddleError SYNC_MISUSE if it is not locked for writing */
  unlock(): Maybe<void> {
    return this.#core.unlock(HERE);
  }

  /**
   * Settles when the caller may read, together with other readers. With a context it gives up when that is cancelled.
   *
   * @throws the context's error: CANCELED or DEADLINE_EXCEEDED
   */
  readLock(context?: Context): Promise<void> {
    return (
      refusedBy(context, "rwLock.readLock()") ??
      (context === undefined ? this.#core.readLock(HERE) : this.#core.readLock(HERE, context))
    );
  }

  /** Locks it for reading if no task writes or waits to write. */
  tryReadLock(): Maybe<boolean> {
    return this.#core.tryReadLock(HERE);
  }

  /** @throws HeddleError SYNC_MISUSE if it is not locked for reading */
  readUnlock(): Maybe<void> {
    return this.#core.readUnlock(HERE);
  }

  /** Runs a function as the only holder. A context ends only the waiting for the lock. */
  async withLock<R>(run: () => R | PromiseLike<R>, context?: Context): Promise<Awaited<R>> {
    await this.lock(context);
    try {
      return await run();
    } finally {
      await this.unlock();
    }
  }

  /** Runs a function as one of the readers. A context ends only the waiting for the lock. */
  async withReadLock<R>(run: () => R | PromiseLike<R>, context?: Context): Promise<Awaited<R>> {
    await this.readLock(context);
    try {
      return await run();
    } finally {
      await this.readUnlock();
    }
  }

  static {
    registerCallable<RwLock, RwLockCore>({
      tag: "read-write lock",
      prototype: RwLock.prototype,
      coreOf: (lock) => lock.#core,
      withCore: (core) => new RwLock(core),
      methods: ["lock", "tryLock", "unlock", "readLock", "tryReadLock", "readUnlock"],
    });
  }
}
