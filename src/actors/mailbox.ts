/**
 * A mailbox: what was sent to an actor and not received yet, oldest first. A linked list, because a selective receive takes
 * from the middle and leaves the rest in place and in order.
 *
 * Invariants: `length` never exceeds the limit by user messages; exit and DOWN messages, which are answers to what the
 * actor itself asked for, always fit. A node that was taken points nowhere, so that an old one keeps no young ones alive.
 */

/** What happens to a message for a full mailbox. */
export type Overflow = "error" | "dropOldest" | "dropNewest";

export interface MailboxLimits {
  /** Messages; what is sent beyond goes the way of `overflow`. */
  readonly limit: number;
  readonly overflow: Overflow;
}

/** Some 100 MB of small messages: not a working size, but an end. */
export const DEFAULT_MAILBOX_LIMIT = 1_000_000;

interface Node {
  readonly message: unknown;
  next: Node | undefined;
}

/** In the place of "nothing was found", which a message may be. */
export const nothing: unique symbol = Symbol("nothing");

export class Mailbox {
  length: number = 0;
  /** Messages that overflow has cost so far. */
  dropped: number = 0;
  #first: Node | undefined;
  #last: Node | undefined;

  push(message: unknown): void {
    const node: Node = { message, next: undefined };
    if (this.#last === undefined) this.#first = node;
    else this.#last.next = node;
    this.#last = node;
    this.length += 1;
  }

  /** The oldest message, or `nothing`. */
  shift(): unknown {
    const node = this.#first;
    if (node === undefined) return nothing;
    this.#first = node.next;
    if (node.next === undefined) this.#last = undefined;
    else node.next = undefined;
    this.length -= 1;
    return node.message;
  }

  /** A place to go on from: what was looked at before is not looked at again. */
  end(): unknown {
    return this.#last;
  }

  /** Takes the oldest message that matches, after the place `after`, or from the beginning. What `matches` throws is thrown. */
  take(matches: (message: never) => boolean, after?: unknown): unknown {
    let previous = after as Node | undefined;
    let node = previous === undefined ? this.#first : previous.next;
    while (node !== undefined) {
      if (matches(node.message as never)) {
        if (previous === undefined) this.#first = node.next;
        else previous.next = node.next;
        if (node.next === undefined) this.#last = previous;
        else node.next = undefined;
        this.length -= 1;
        return node.message;
      }
      previous = node;
      node = node.next;
    }
    return nothing;
  }

  /** Takes all messages that match. */
  takeAll(matches: (message: unknown) => boolean): void {
    const kept: unknown[] = [];
    for (let message = this.shift(); message !== nothing; message = this.shift()) {
      if (!matches(message)) kept.push(message);
    }
    for (const message of kept) this.push(message);
  }
}
