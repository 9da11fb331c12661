/** A mailbox: the messages that an actor has not received yet, oldest first, in a ring buffer that doubles when it is full.
 *
 * A selective receive takes from the middle and keeps the order of the rest: the messages on the shorter side move by one
 * place. That costs no more than the search that found it, and almost nothing for a message that has just come. Rejected: a
 * linked list, in which nothing moves, but a message takes five times the memory.
 */

/** What happens to a message for a full mailbox. */
export type Overflow = "error" | "dropOldest" | "dropNewest";

export interface MailboxLimits {
  /** Number of messages. `overflow` decides about messages beyond it. */
  readonly limit: number;
  readonly overflow: Overflow;
}

/** Some 100 MB of small messages: not a working size, but a limit. */
export const DEFAULT_MAILBOX_LIMIT = 1_000_000;

/** Places. Most mailboxes that are used at all hold one or two messages. */
const FIRST_SIZE = 4;

/** A larger ring is freed when it has become empty. */
const LARGE_SIZE = 1024;

/** Stands for "nothing was found", because `undefined` may be a message. */
export const nothing: unique symbol = Symbol("nothing");

export class Mailbox {
  length: number = 0;
  /** Messages lost by overflow so far. */
  dropped: number = 0;
  #places: unknown[] = newPlaces(FIRST_SIZE);
  #first: number = 0;
  /** How many were taken from the front so far. It numbers places independently of the ring. */
  #taken: number = 0;

  push(message: unknown): void {
    if (this.length === this.#places.length) this.#resize(this.length * 2);
    this.#places[(this.#first + this.length) & (this.#places.length - 1)] = message;
    this.length += 1;
  }

  /** The oldest message, or `nothing`. */
  shift(): unknown {
    if (this.length === 0) return nothing;
    const places = this.#places;
    const message = places[this.#first];
    places[this.#first] = undefined;
    this.#first = (this.#first + 1) & (places.length - 1);
    this.#taken += 1;
    this.length -= 1;
    if (this.length === 0 && places.length > LARGE_SIZE) this.#resize(FIRST_SIZE);
    return message;
  }

  /** A place from which a search can continue: earlier messages are not checked again. */
  end(): number {
    return this.#taken + this.length;
  }

  /** Takes the oldest message that matches, from the place `from` on. If `matches` throws, it throws the same. */
  take(matches: (message: never) => boolean, from: number = 0): unknown {
    const mask = this.#places.length - 1;
    for (let i = Math.max(0, from - this.#taken); i < this.length; i++) {
      const message = this.#places[(this.#first + i) & mask];
      if (matches(message as never)) {
        this.#remove(i);
        return message;
      }
    }
    return nothing;
  }

  /** Takes all messages that match. */
  takeAll(matches: (message: unknown) => boolean): void {
    for (let left = this.length; left > 0; left--) {
      const message = this.shift();
      if (!matches(message)) this.push(message);
    }
  }

  #remove(index: number): void {
    const places = this.#places;
    const mask = places.length - 1;
    if (index < this.length - index) {
      for (let i = index; i > 0; i--) places[(this.#first + i) & mask] = places[(this.#first + i - 1) & mask];
      this.shift();
      return;
    }
    for (let i = index; i < this.length - 1; i++) {
      places[(this.#first + i) & mask] = places[(this.#first + i + 1) & mask];
    }
    this.length -= 1;
    places[(this.#first + this.length) & mask] = undefined;
  }

  #resize(size: number): void {
    const places = newPlaces(size);
    for (let i = 0; i < this.length; i++) places[i] = this.#places[(this.#first + i) & (this.#places.length - 1)];
    this.#places = places;
    this.#first = 0;
  }
}

function newPlaces(size: number): unknown[] {
  const places: unknown[] = [];
  places.length = size;
  return places;
}
