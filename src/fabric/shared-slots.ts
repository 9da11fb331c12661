/**
 * A counting semaphore in shared memory, with a bounded number of waiters: how the threads of one worker keep one
 * limit together. Taking and giving back are an atomic operation each; nobody ever blocks.
 *
 * Invariants
 * - 0 ≤ taken ≤ limit and 0 ≤ waiting ≤ waitLimit, always: both grow only by compare-and-exchange.
 * - No wake-up is lost: a waiter counts itself in `waiting` before it looks at the slots for the last time; whoever
 *   gives a slot back looks at `waiting` after it did.
 *
 * Rejected: a share of the limit per thread (a limit of 4 over 2 threads would refuse a third request on one thread
 * while the other is idle); adding first and taking back when over the limit (the excess makes others fail).
 */

const TAKEN = 0;
const WAITING = 1;
const WAKE = 2;
const WORDS = 3;

export interface SlotsHandle {
  readonly buffer: SharedArrayBuffer;
  readonly limit: number;
  readonly waitLimit: number;
}

export class SharedSlots {
  readonly handle: SlotsHandle;
  readonly #words: Int32Array<SharedArrayBuffer>;

  constructor(handle: SlotsHandle) {
    this.handle = handle;
    this.#words = new Int32Array(handle.buffer);
  }

  static create(limit: number, waitLimit: number): SharedSlots {
    return new SharedSlots({ buffer: new SharedArrayBuffer(WORDS * 4), limit, waitLimit });
  }

  get taken(): number {
    return Atomics.load(this.#words, TAKEN);
  }

  get waiting(): number {
    return Atomics.load(this.#words, WAITING);
  }

  tryTake(): boolean {
    return this.#incrementBelow(TAKEN, this.handle.limit);
  }

  /** Gives slots back and wakes the waiters of other threads. */
  give(count: number = 1): void {
    Atomics.sub(this.#words, TAKEN, count);
    if (Atomics.load(this.#words, WAITING) > 0) this.#wake();
  }

  tryJoinQueue(): boolean {
    return this.#incrementBelow(WAITING, this.handle.waitLimit);
  }

  leaveQueue(count: number = 1): void {
    Atomics.sub(this.#words, WAITING, count);
  }

  /** Settles when a slot was given back since `seen` (from `wakeCount()`). Does not keep the thread alive. */
  changed(seen: number): Promise<unknown> | undefined {
    const result = Atomics.waitAsync(this.#words, WAKE, seen);
    return result.async ? result.value : undefined;
  }

  wakeCount(): number {
    return Atomics.load(this.#words, WAKE);
  }

  #wake(): void {
    Atomics.add(this.#words, WAKE, 1);
    Atomics.notify(this.#words, WAKE);
  }

  #incrementBelow(word: number, limit: number): boolean {
    for (;;) {
      const seen = Atomics.load(this.#words, word);
      if (seen >= limit) return false;
      if (Atomics.compareExchange(this.#words, word, seen, seen + 1) === seen) return true;
    }
  }
}
