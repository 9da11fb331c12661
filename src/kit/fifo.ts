/** A queue of values in a ring that grows as it must. */

const FIRST_SIZE = 8;

export class Fifo<T> {
  #ring: (T | undefined)[] = [];
  #first: number = 0;
  length: number = 0;

  push(value: T): void {
    if (this.length === this.#ring.length) this.#grow();
    this.#ring[(this.#first + this.length) & (this.#ring.length - 1)] = value;
    this.length++;
  }

  /** The oldest value, which stays. The queue must not be empty. */
  get first(): T {
    return this.#ring[this.#first] as T;
  }

  /** Removes and returns the oldest value. The queue must not be empty. */
  shift(): T {
    const value = this.#ring[this.#first] as T;
    this.#ring[this.#first] = undefined;
    this.#first = (this.#first + 1) & (this.#ring.length - 1);
    this.length--;
    return value;
  }

  #grow(): void {
    const size = Math.max(FIRST_SIZE, this.#ring.length * 2);
    const ring: (T | undefined)[] = [];
    for (let i = 0; i < this.length; i++) ring.push(this.#ring[(this.#first + i) & (this.#ring.length - 1)]);
    while (ring.length < size) ring.push(undefined);
    this.#ring = ring;
    this.#first = 0;
  }
}
