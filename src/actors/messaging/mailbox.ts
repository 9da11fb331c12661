/** A mailbox: the messages that an actor has not received yet, oldest first, in a ring buffer that doubles when it is full.
 *
 * A selective receive takes from the middle and keeps the order of the rest: the messages on the shorter side move by one
 * place. That costs no more than the search that found it, and almost nothing for a message that has just come. Rejected: a
 * linked list, in which nothing moves, but a message takes five times the memory.
 */

import { Signal } from "./signal.ts";
import { runQueue } from "../../runtime/run-queue.ts";

/**
 * What happens to a message for a full mailbox. `dropOldest` makes place by losing the oldest ordinary message. Exit and DOWN
 * messages, what the library asks of a server, and priority messages are neither refused nor lost.
 */
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

/** The arrival of one in so many messages is noted. */
const MARKED = 64;

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
  /** How many at the front go before all others. */
  #urgent: number = 0;
  /** When the oldest message came, or an earlier one while the mailbox was not empty. */
  #sinceMs: number = 0;
  /** Places and the times at which their messages came, oldest first: of every `MARKED`th. */
  #marks: [place: number, ms: number][] | undefined;

  push(message: unknown): void {
    if (this.length === 0) {
      this.#sinceMs = runQueue.nowMs();
      this.#marks = undefined;
    } else if ((this.#taken + this.length) % MARKED === 0) this.#mark();
    if (this.length === this.#places.length) this.#resize(this.length * 2);
    this.#places[(this.#first + this.length) & (this.#places.length - 1)] = message;
    this.length += 1;
  }

  /** Takes the oldest that may be lost: neither a signal nor a message with priority. Or `nothing`. */
  takeOrdinary(): unknown {
    const mask = this.#places.length - 1;
    for (let i = this.#urgent; i < this.length; i++) {
      const message = this.#places[(this.#first + i) & mask];
      if (message instanceof Signal) continue;
      this.#remove(i);
      return message;
    }
    return nothing;
  }

  /** Puts a message before ordinary ones: `first` of all, or behind the other `urgent` ones. Numbers of places stay the same. */
  pushUrgent(message: unknown, where: "first" | "urgent"): void {
    if (this.length === this.#places.length) this.#resize(this.length * 2);
    const places = this.#places;
    const mask = places.length - 1;
    const index = where === "first" ? 0 : this.#urgent;
    if (this.length === 0) this.#sinceMs = runQueue.nowMs();
    this.#first = (this.#first - 1) & mask;
    for (let i = 0; i < index; i++) places[(this.#first + i) & mask] = places[(this.#first + i + 1) & mask];
    places[(this.#first + index) & mask] = message;
    this.#urgent += 1;
    this.#taken -= 1;
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
    if (this.#urgent > 0) this.#urgent -= 1;
    if (this.length === 0 && places.length > LARGE_SIZE) this.#resize(FIRST_SIZE);
    return message;
  }

  /** How long the oldest message has been here, at most. Undefined if there is none. */
  oldestAgeMs(): number | undefined {
    if (this.length === 0) return undefined;
    this.#forgetMarks();
    const sinceMs = this.#marks !== undefined && this.#marks[0]![0] <= this.#taken ? this.#marks[0]![1] : this.#sinceMs;
    return Math.max(0, performance.now() - sinceMs);
  }

  #mark(): void {
    this.#marks ??= [];
    this.#marks.push([this.#taken + this.length, runQueue.nowMs()]);
    this.#forgetMarks();
  }

  /** Keeps the last mark of those that were taken, and all later ones. */
  #forgetMarks(): void {
    const marks = this.#marks;
    if (marks === undefined) return;
    let gone = 0;
    while (gone + 1 < marks.length && marks[gone + 1]![0] <= this.#taken) gone += 1;
    if (gone > 0) marks.splice(0, gone);
  }

  /** A place from which a search can continue: earlier messages are not checked again. */
  end(): number {
    return this.#taken + this.length;
  }

  /** Takes the oldest message that matches, from the place `from` on. If `matches` throws, it throws the same. */
  take(matches: (message: never) => boolean, from: number = -Infinity): unknown {
    const mask = this.#places.length - 1;
    for (let i = Math.max(0, from - this.#taken); i < this.length; i++) {
      const message = this.#places[(this.#first + i) & mask];
      const isMeant = matches(message as never);
      // `matches` has ended the actor.
      if (i >= this.length) break;
      if (isMeant) {
        this.#remove(i);
        return message;
      }
    }
    return nothing;
  }

  /** Takes all messages that match. */
  takeAll(matches: (message: unknown) => boolean): void {
    const sinceMs = this.#sinceMs;
    let kept = 0;
    const urgent = this.#urgent;
    for (let index = 0, length = this.length; index < length; index++) {
      const message = this.shift();
      if (matches(message)) continue;
      if (index < urgent) kept += 1;
      this.push(message);
    }
    this.#urgent = kept;
    // They have kept their order, but not their places.
    this.#sinceMs = sinceMs;
    this.#marks = undefined;
  }

  #remove(index: number): void {
    const places = this.#places;
    const mask = places.length - 1;
    const urgent = index < this.#urgent ? this.#urgent - 1 : this.#urgent;
    if (index < this.length - index) {
      for (let i = index; i > 0; i--) places[(this.#first + i) & mask] = places[(this.#first + i - 1) & mask];
      this.shift();
      this.#urgent = urgent;
      return;
    }
    this.#urgent = urgent;
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
