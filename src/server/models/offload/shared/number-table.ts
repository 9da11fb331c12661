/**
 * A table by numbers from 0 to 2^32 - 1, for entries that come and go all the time. Its memory grows to the most entries that it
 * ever had, and does not change after that.
 *
 * Open addressing: the lower bits of a number are its place, or the next free place after it. Numbers that count up, as those
 * of jobs do, so get a place each. A removal moves later entries of the same run forward, so no marks are left behind.
 *
 * Not a Map: with many deletions, a Map leaves old tables that link to each other and keep their young entries alive. A third
 * of a busy thread's garbage was copied because of it.
 */

const FIRST_PLACES = 32;

export class NumberTable<T> {
  #keys: Uint32Array;
  #values: (T | undefined)[];
  #mask: number;
  size: number = 0;

  /** `places`: for tests. A power of two. */
  constructor(places: number = FIRST_PLACES) {
    this.#keys = new Uint32Array(places);
    this.#values = emptyPlaces(places);
    this.#mask = places - 1;
  }

  get(key: number): T | undefined {
    return this.#values[this.#find(key)];
  }

  /** The number must not be in the table. */
  set(key: number, value: T): void {
    if (this.size * 2 > this.#mask) this.#grow();
    const at = this.#find(key);
    this.#keys[at] = key;
    this.#values[at] = value;
    this.size++;
  }

  /** Returns what was there. */
  delete(key: number): T | undefined {
    let free = this.#find(key);
    const value = this.#values[free];
    if (value === undefined) return undefined;
    this.size--;
    this.#values[free] = undefined;
    for (let at = (free + 1) & this.#mask; this.#values[at] !== undefined; at = (at + 1) & this.#mask) {
      const home = this.#keys[at]! & this.#mask;
      // It may move if its own place is not between the free one and this one.
      if (((at - home) & this.#mask) < ((at - free) & this.#mask)) continue;
      this.#keys[free] = this.#keys[at]!;
      this.#values[free] = this.#values[at];
      this.#values[at] = undefined;
      free = at;
    }
    return value;
  }

  /** In no order. The table may change meanwhile. */
  values(): T[] {
    return this.#values.filter((value) => value !== undefined);
  }

  #find(key: number): number {
    let at = key & this.#mask;
    while (this.#values[at] !== undefined && this.#keys[at] !== key) at = (at + 1) & this.#mask;
    return at;
  }

  #grow(): void {
    const keys = this.#keys;
    const values = this.#values;
    const places = values.length * 2;
    this.#keys = new Uint32Array(places);
    this.#values = emptyPlaces(places);
    this.#mask = places - 1;
    for (const [i, value] of values.entries()) {
      if (value === undefined) continue;
      const at = this.#find(keys[i]!);
      this.#keys[at] = keys[i]!;
      this.#values[at] = value;
    }
  }
}

function emptyPlaces(count: number): undefined[] {
  return Array.from({ length: count }, () => undefined);
}
