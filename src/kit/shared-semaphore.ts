/**
 * A counting semaphore in shared memory, with a bounded number of waiters. The threads of one worker use it to share a limit.
 * Taking and giving back are one atomic operation each; no thread ever blocks.
 *
 * Invariants
 * - Neither `taken` nor `waiting` ever grows beyond its limit, because both grow only by compare-and-exchange. When a limit
 *   is lowered below what is taken, no holder loses a slot: nothing is taken until enough were given back.
 * - No lost wake-up: a waiter first counts itself in `waiting` and then reads the slots for the last time. A thread that gives
 *   a slot back first does that and then reads `waiting`.
 *
 * Memory
 * - Every thread raises and lowers TAKEN and WAITING. Both are between 0 and their limit, or the limit at the time when they
 *   were raised. A thread that would lower one below 0 restores it and throws.
 * - The resizer writes LIMIT and WAIT_LIMIT, from 0 to 2^31 - 1, one after the other. In between, the new limit is combined
 *   with the old limit of the queue; a waiter is admitted or refused as with one of the two pairs.
 * - WAKE: `wake-word.ts`.
 * - If a thread dies, its slots stay taken, because the words do not say which thread holds them. The owner of the per-thread
 *   ledger gives them back (`server/http/admit/gate.ts`).
 *
 * Rejected: a share of the limit per thread (a limit of 4 over 2 threads would refuse a third request on one thread
 * while the other is idle); adding first and taking back when over the limit (the excess makes others fail).
 */

import { brokenMemory } from "./broken-memory.ts";
import { WakeWord } from "./wake-word.ts";

const TAKEN = 0;
const WAITING = 1;
const WAKE = 2;
const LIMIT = 3;
const WAIT_LIMIT = 4;
const WORDS = 5;
const LARGEST = 0x7fffffff;

export interface SlotsHandle {
  readonly buffer: SharedArrayBuffer;
}

export class SharedSemaphore {
  readonly handle: SlotsHandle;
  /** Wakes when slots are given back. */
  readonly given: WakeWord;
  readonly #words: Int32Array<SharedArrayBuffer>;

  constructor(handle: SlotsHandle) {
    this.handle = handle;
    this.#words = new Int32Array(handle.buffer);
    this.given = new WakeWord(this.#words, WAKE);
  }

  static create(limit: number, waitLimit: number): SharedSemaphore {
    const slots = new SharedSemaphore({ buffer: new SharedArrayBuffer(WORDS * 4) });
    slots.resize(limit, waitLimit);
    return slots;
  }

  /** New limits, for all threads at once. More than a word holds is as much as it holds: it would wrap, and 2^32 be 0. */
  resize(limit: number, waitLimit: number): void {
    Atomics.store(this.#words, LIMIT, Math.min(limit, LARGEST));
    Atomics.store(this.#words, WAIT_LIMIT, Math.min(waitLimit, LARGEST));
    if (this.waiting > 0) this.given.wake();
  }

  get taken(): number {
    return Atomics.load(this.#words, TAKEN);
  }

  get waiting(): number {
    return Atomics.load(this.#words, WAITING);
  }

  get limit(): number {
    return Atomics.load(this.#words, LIMIT);
  }

  /** Whether nobody more may wait. Always true where nobody may. */
  get isQueueFull(): boolean {
    return this.waiting >= Atomics.load(this.#words, WAIT_LIMIT);
  }

  tryTake(): boolean {
    return this.#incrementBelow(TAKEN, LIMIT);
  }

  /** Gives slots back and wakes the waiters of other threads. */
  give(count: number = 1): void {
    this.giveQuietly(count);
    this.wakeWaiters();
  }

  /** Gives slots back. `wakeWaiters` must follow. */
  giveQuietly(count: number = 1): void {
    this.#lower(TAKEN, count, "slots taken");
  }

  wakeWaiters(): void {
    if (Atomics.load(this.#words, WAITING) > 0) this.given.wake();
  }

  tryJoinQueue(): boolean {
    return this.#incrementBelow(WAITING, WAIT_LIMIT);
  }

  leaveQueue(count: number = 1): void {
    this.#lower(WAITING, count, "waiters");
  }

  #lower(word: number, count: number, what: string): void {
    const before = Atomics.sub(this.#words, word, count);
    if (before >= count) return;
    Atomics.add(this.#words, word, count);
    throw brokenMemory(`a semaphore has ${before} ${what}, and ${count} were to be given back`);
  }

  #incrementBelow(word: number, limitWord: number): boolean {
    for (;;) {
      const seen = Atomics.load(this.#words, word);
      if (seen >= Atomics.load(this.#words, limitWord)) return false;
      if (Atomics.compareExchange(this.#words, word, seen, seen + 1) === seen) return true;
    }
  }
}
