/**
 * A lock for one writer or many readers. Neither starves: a waiting writer keeps new readers out. When a writer unlocks, the
 * readers that waited meanwhile come before the next writer.
 */

import { HeddleError } from "../../errors/errors.ts";
import type { Maybe } from "../channel/channel-core.ts";
import { registerCallable } from "./remote-call.ts";
import { done, park, WaitQueue } from "../waiter.ts";

export interface RwLockCore {
  lock(): Promise<void>;
  tryLock(): Maybe<boolean>;
  unlock(): Maybe<void>;
  readLock(): Promise<void>;
  tryReadLock(): Maybe<boolean>;
  readUnlock(): Maybe<void>;
}

class LocalRwLock implements RwLockCore {
  #isWriting: boolean = false;
  #readers: number = 0;
  readonly #waitingWriters: WaitQueue = new WaitQueue();
  readonly #waitingReaders: WaitQueue = new WaitQueue();

  lock(): Promise<void> {
    return this.tryLock() ? done() : park<void>(this.#waitingWriters, "write lock");
  }

  tryLock(): boolean {
    if (this.#isWriting || this.#readers > 0) return false;
    this.#isWriting = true;
    return true;
  }

  unlock(): void {
    if (!this.#isWriting) throw new HeddleError("SYNC_MISUSE", "unlock of an RwLock that is not locked for writing.");
    this.#isWriting = false;
    if (this.#waitingReaders.first === undefined) return this.#letWriterIn();
    for (let reader = this.#waitingReaders.shift(); reader !== undefined; reader = this.#waitingReaders.shift()) {
      this.#readers++;
      reader.wake(undefined);
    }
  }

  readLock(): Promise<void> {
    return this.tryReadLock() ? done() : park<void>(this.#waitingReaders, "read lock");
  }

  tryReadLock(): boolean {
    if (this.#isWriting || this.#waitingWriters.first !== undefined) return false;
    this.#readers++;
    return true;
  }

  readUnlock(): void {
    if (this.#readers === 0)
      throw new HeddleError("SYNC_MISUSE", "readUnlock of an RwLock that is not locked for reading.");
    this.#readers--;
    if (this.#readers === 0) this.#letWriterIn();
  }

  #letWriterIn(): void {
    const writer = this.#waitingWriters.shift();
    if (writer === undefined) return;
    this.#isWriting = true;
    writer.wake(undefined);
  }
}

export class RwLock {
  readonly #core: RwLockCore;

  /** @param core For the library. */
  constructor(core: RwLockCore = new LocalRwLock()) {
    this.#core = core;
  }

  /** Settles when the caller is the only one that has the lock. */
  lock(): Promise<void> {
    return this.#core.lock();
  }

  /** Takes it for writing if it is free. On another thread than the lock's own, this and the other methods return a promise. */
  tryLock(): Maybe<boolean> {
    return this.#core.tryLock();
  }

  /** @throws HeddleError SYNC_MISUSE if it is not locked for writing */
  unlock(): Maybe<void> {
    return this.#core.unlock();
  }

  /** Settles when the caller may read, together with other readers. */
  readLock(): Promise<void> {
    return this.#core.readLock();
  }

  /** Locks it for reading if no task writes or waits to write. */
  tryReadLock(): Maybe<boolean> {
    return this.#core.tryReadLock();
  }

  /** @throws HeddleError SYNC_MISUSE if it is not locked for reading */
  readUnlock(): Maybe<void> {
    return this.#core.readUnlock();
  }

  /** Runs a function as the only holder. */
  async withLock<R>(run: () => R | PromiseLike<R>): Promise<Awaited<R>> {
    await this.lock();
    try {
      return await run();
    } finally {
      await this.unlock();
    }
  }

  /** Runs a function as one of the readers. */
  async withReadLock<R>(run: () => R | PromiseLike<R>): Promise<Awaited<R>> {
    await this.readLock();
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
      holds: { lock: "unlock", tryLock: "unlock", readLock: "readUnlock", tryReadLock: "readUnlock" },
    });
  }
}
