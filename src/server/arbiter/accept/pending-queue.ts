/**
 * A queue, first come, first served. It keeps order and time. Its owner decides who may join, and what happens to items that
 * leave. Pure: the clock is passed in.
 *
 * Every item draws a ticket when it arrives, whether or not it must wait. A returned item keeps its ticket, so it comes
 * before all later ones.
 */

export interface Ticket<T> {
  readonly item: T;
  readonly number: number;
  readonly sinceMs: number;
}

export class PendingQueue<T> {
  #tickets: Ticket<T>[] = [];
  #drawn = 0;

  get length(): number {
    return this.#tickets.length;
  }

  get items(): readonly T[] {
    return this.#tickets.map(({ item }) => item);
  }

  draw(item: T, nowMs: number): Ticket<T> {
    return { item, number: this.#drawn++, sinceMs: nowMs };
  }

  join(ticket: Ticket<T>): void {
    const index = this.#tickets.findLastIndex(({ number }) => number < ticket.number) + 1;
    this.#tickets.splice(index, 0, ticket);
  }

  next(): Ticket<T> | undefined {
    return this.#tickets.shift();
  }

  /** Takes out the items that have waited this long. 0: none. */
  takeOverdue(nowMs: number, timeoutMs: number): T[] {
    return this.#take((ticket) => isOverdue(ticket, nowMs, timeoutMs));
  }

  take(items: ReadonlySet<T>): T[] {
    return items.size === 0 ? [] : this.#take(({ item }) => items.has(item));
  }

  takeAll(): T[] {
    return this.#take(() => true);
  }

  #take(leaves: (ticket: Ticket<T>) => boolean): T[] {
    const taken = this.#tickets.filter(leaves);
    if (taken.length > 0) this.#tickets = this.#tickets.filter((ticket) => !leaves(ticket));
    return taken.map(({ item }) => item);
  }
}

/** `timeoutMs` 0: never. */
export function isOverdue({ sinceMs }: Ticket<unknown>, nowMs: number, timeoutMs: number): boolean {
  return timeoutMs > 0 && nowMs - sinceMs >= timeoutMs;
}
