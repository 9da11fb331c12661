/** A mailbox: the messages that an actor has not received yet, oldest first, in chunks of at most `CHUNK_SIZE` places.
 *
 * A selective receive takes from the middle and keeps the order of the rest: the messages on the shorter side of its chunk move
 * by one place.
 *
 * Rejected: one ring buffer that doubles. Once it is old, V8 must record each young message that is put into it, and it is
 * copied when it grows: three million messages in sixty mailboxes took twice the CPU time. Rejected: a linked list of messages,
 * in which nothing moves, but a message takes five times the memory.
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

/** Places. Most mailboxes that are used at all hold one or two messages. Each further chunk has twice as many. */
const FIRST_SIZE = 4;
const CHUNK_SIZE = 256;

/** A larger chunk is freed when the mailbox has become empty. */
const LARGE_SIZE = 64;

/** The arrival of one in so many messages is noted. */
const MARKED = 64;

/** Stands for "nothing was found", because `undefined` may be a message. */
export const nothing: unique symbol = Symbol("nothing");

/** Messages stand in the places from `first` on, before `end`. There are some, except in the only chunk of an empty mailbox. */
class Chunk {
  readonly places: unknown[];
  first: number = 0;
  end: number = 0;
  next: Chunk | undefined = undefined;

  constructor(size: number) {
    // oxlint-disable-next-line unicorn/no-new-array -- `Array.from` takes twenty times as long
    this.places = new Array<unknown>(size).fill(undefined);
  }
}

export class Mailbox {
  length: number = 0;
  /** Messages lost by overflow so far. */
  dropped: number = 0;
  #head: Chunk = new Chunk(FIRST_SIZE);
  #tail: Chunk = this.#head;
  /** How many were taken from the front so far. It numbers messages independently of the chunks. */
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
    let tail = this.#tail;
    if (tail.end === tail.places.length) tail = this.#extend(tail);
    tail.places[tail.end] = message;
    tail.end += 1;
    this.length += 1;
  }

  #extend(tail: Chunk): Chunk {
    const chunk = new Chunk(Math.min(tail.places.length * 2, CHUNK_SIZE));
    this.#tail = tail.next = chunk;
    return chunk;
  }

  /** Takes the oldest that may be lost: neither a signal nor a message with priority. Or `nothing`. */
  takeOrdinary(): unknown {
    let index = 0;
    let before: Chunk | undefined;
    for (let chunk: Chunk | undefined = this.#head; chunk !== undefined; chunk = chunk.next) {
      for (let at = chunk.first; at < chunk.end; at++, index++) {
        const message = chunk.places[at];
        if (index < this.#urgent || message instanceof Signal) continue;
        const taken = this.#taken + 1;
        this.#remove(before, chunk, at, index);
        // A search that goes on has seen all that is here now. What comes next must have a number behind these.
        this.#taken = taken;
        return message;
      }
      before = chunk;
    }
    return nothing;
  }

  /** Puts a message before ordinary ones: `first` of all, or behind the other `urgent` ones. Numbers of places stay the same. */
  pushUrgent(message: unknown, where: "first" | "urgent"): void {
    if (this.length === 0) this.#sinceMs = runQueue.nowMs();
    let index = where === "first" ? 0 : this.#urgent;
    let chunk = this.#head;
    while (index > chunk.end - chunk.first) {
      index -= chunk.end - chunk.first;
      chunk = chunk.next!;
    }
    insert(chunk, chunk.first + index, message);
    this.#urgent += 1;
    this.#taken -= 1;
    this.length += 1;
  }

  /** The messages, oldest first. It must not change meanwhile. */
  *[Symbol.iterator](): Iterator<unknown> {
    for (let chunk: Chunk | undefined = this.#head; chunk !== undefined; chunk = chunk.next) {
      for (let at = chunk.first; at < chunk.end; at++) yield chunk.places[at];
    }
  }

  /** The oldest message, or `nothing`. */
  shift(): unknown {
    if (this.length === 0) return nothing;
    const head = this.#head;
    const message = head.places[head.first];
    head.places[head.first] = undefined;
    head.first += 1;
    if (head.first === head.end) this.#drop(undefined, head);
    this.#taken += 1;
    this.length -= 1;
    if (this.#urgent > 0) this.#urgent -= 1;
    return message;
  }

  /** The chunk is empty. */
  #drop(before: Chunk | undefined, chunk: Chunk): void {
    if (before !== undefined) {
      before.next = chunk.next;
      if (chunk.next === undefined) this.#tail = before;
    } else if (chunk.next !== undefined) this.#head = chunk.next;
    else if (chunk.places.length > LARGE_SIZE) this.#head = this.#tail = new Chunk(FIRST_SIZE);
    else chunk.first = chunk.end = 0;
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
    let before: Chunk | undefined;
    let place = this.#taken;
    for (let chunk: Chunk | undefined = this.#head; chunk !== undefined; chunk = chunk.next) {
      const { first } = chunk;
      for (let at = first + Math.max(0, from - place); at < chunk.end; at++) {
        const message = chunk.places[at];
        const isMeant = matches(message as never);
        // `matches` has ended the actor.
        if (this.length === 0) return nothing;
        if (isMeant) {
          this.#remove(before, chunk, at, place - this.#taken + at - first);
          return message;
        }
      }
      place += chunk.end - first;
      before = chunk;
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

  /** `index`: of the message in the whole mailbox. */
  #remove(before: Chunk | undefined, chunk: Chunk, at: number, index: number): void {
    const { places, first, end } = chunk;
    if (at - first < end - at - 1) {
      for (let i = at; i > first; i--) places[i] = places[i - 1];
      places[first] = undefined;
      chunk.first += 1;
    } else {
      for (let i = at; i < end - 1; i++) places[i] = places[i + 1];
      places[end - 1] = undefined;
      chunk.end -= 1;
    }
    if (chunk.first === chunk.end) this.#drop(before, chunk);
    // The numbers change on the shorter side.
    if (index < this.length - index) this.#taken += 1;
    this.length -= 1;
    if (index < this.#urgent) this.#urgent -= 1;
  }
}

/** Puts a message before the one that stands at this place. */
function insert(chunk: Chunk, at: number, message: unknown): void {
  const { places, first, end } = chunk;
  if (at === first && first > 0) {
    chunk.first -= 1;
    places[first - 1] = message;
    return;
  }
  if (end === places.length) places.push(undefined);
  for (let i = end; i > at; i--) places[i] = places[i - 1];
  places[at] = message;
  chunk.end += 1;
}
