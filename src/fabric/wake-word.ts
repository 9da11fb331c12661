/**
 * One word of shared memory that threads wait for without blocking: the wake-ups so far. Whoever waits remembers the
 * count, looks once more at what it waits for, and then waits for the count to change.
 */
export class WakeWord {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #index: number;

  constructor(words: Int32Array<SharedArrayBuffer>, index: number) {
    this.#words = words;
    this.#index = index;
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
}
