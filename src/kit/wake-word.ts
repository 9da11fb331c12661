/**
 * One word of shared memory that threads wait for: the number of wake-ups so far. A waiter remembers the count, checks once
 * more what it waits for, and then waits for the count to change: without blocking (`changed`), or by blocking its thread
 * (`wait`).
 *
 * Memory
 * - Any thread that wakes adds one. The count wraps at 2^32 and is compared for equality only, so its sign does not matter. A
 *   waiter would miss a wake-up if 2^32 of them came between its check and its wait.
 * - No lost wake-up: the waker changes the state, then increments the count; the waiter reads the count, then checks the state.
 *   So either the waiter sees the change, or the count has changed and the wait ends at once.
 * - If a waker dies between its change and its increment, nothing is woken. The thread that cleans up after the dead thread
 *   wakes in its place: the acceptor for gates, the pool for its board.
 */

/** Its location. Sent to another thread, it gives access to the same word. */
export interface WakePlace {
  readonly buffer: SharedArrayBuffer;
  readonly index: number;
}

export class WakeWord {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #index: number;

  constructor(words: Int32Array<SharedArrayBuffer>, index: number) {
    this.#words = words;
    this.#index = index;
  }

  static create(): WakeWord {
    return new WakeWord(new Int32Array(new SharedArrayBuffer(4)), 0);
  }

  static at({ buffer, index }: WakePlace): WakeWord {
    // The buffer may have bytes after the words.
    return new WakeWord(new Int32Array(buffer, 0, Math.floor(buffer.byteLength / 4)), index);
  }

  get place(): WakePlace {
    return { buffer: this.#words.buffer, index: this.#index };
  }

  get count(): number {
    return Atomics.load(this.#words, this.#index);
  }

  wake(): void {
    Atomics.add(this.#words, this.#index, 1);
    Atomics.notify(this.#words, this.#index);
  }

  /** Settles at the next wake-up after `seen`; undefined: there was one already. Does not keep the thread alive. */
  changed(seen: number): Promise<unknown> | undefined {
    const result = Atomics.waitAsync(this.#words, this.#index, seen);
    return result.async ? result.value : undefined;
  }

  /** Blocks the thread until a wake-up after `seen`, for at most `timeoutMs`. */
  wait(seen: number, timeoutMs: number): void {
    Atomics.wait(this.#words, this.#index, seen, timeoutMs);
  }
}
