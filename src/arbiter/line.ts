/**
 * A waiting line: first come, first served. It keeps order and time; who may join, and what becomes of those who leave,
 * is decided by its owner. Pure: the clock comes in.
 */

interface Place<T> {
  readonly item: T;
  readonly sinceMs: number;
}

export class Line<T> {
  #places: Place<T>[] = [];

  get length(): number {
    return this.#places.length;
  }

  get items(): readonly T[] {
    return this.#places.map(({ item }) => item);
  }

  join(item: T, nowMs: number): void {
    this.#places.push({ item, sinceMs: nowMs });
  }

  /** Before all others: they have had their turn once. */
  joinFirst(items: readonly T[], nowMs: number): void {
    this.#places.unshift(...items.map((item) => ({ item, sinceMs: nowMs })));
  }

  next(): T | undefined {
    return this.#places.shift()?.item;
  }

  /** Takes out those that have waited for so long. 0: nobody has. */
  takeOverdue(nowMs: number, timeoutMs: number): T[] {
    if (timeoutMs === 0) return [];
    return this.#take(({ sinceMs }) => nowMs - sinceMs >= timeoutMs);
  }

  take(items: ReadonlySet<T>): T[] {
    return items.size === 0 ? [] : this.#take(({ item }) => items.has(item));
  }

  takeAll(): T[] {
    return this.#take(() => true);
  }

  #take(leaves: (place: Place<T>) => boolean): T[] {
    const taken = this.#places.filter(leaves);
    if (taken.length > 0) this.#places = this.#places.filter((place) => !leaves(place));
    return taken.map(({ item }) => item);
  }
}
