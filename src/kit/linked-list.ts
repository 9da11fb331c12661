/**
 * A list whose items carry their own links: adding and removing take constant time and allocate nothing.
 * Not a Set or Map: if one is filled and emptied all the time, it leaves old tables behind, which refer to each other and keep
 * young objects alive. Copying those took a third of the time of short connections.
 */

export interface Linked<T> {
  previous: T | undefined;
  next: T | undefined;
}

export class LinkedList<T extends Linked<T>> implements Iterable<T> {
  #first: T | undefined = undefined;
  #last: T | undefined = undefined;
  size = 0;

  get first(): T | undefined {
    return this.#first;
  }

  get last(): T | undefined {
    return this.#last;
  }

  add(item: T): void {
    item.previous = this.#last;
    if (this.#last === undefined) this.#first = item;
    else this.#last.next = item;
    this.#last = item;
    this.size++;
  }

  /** The item must be in the list. */
  remove(item: T): void {
    const { previous, next } = item;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    item.previous = undefined;
    item.next = undefined;
    this.size--;
  }

  /** Oldest first. The current item may be removed during the iteration. */
  *[Symbol.iterator](): Iterator<T> {
    let item = this.#first;
    while (item !== undefined) {
      const { next } = item;
      yield item;
      item = next;
    }
  }
}
