/**
 * Descriptors of connections that were sent to a serving thread, until it is known that the thread has taken them over: what it had not is
 * taken back when it dies.
 *
 * The thread counts in its row how many it has taken over (`COUNTER.adopted`), before it touches each. The count wraps at 2^32
 * (`wrapping.ts`); at most as many as are on their way lie between two looks at it.
 */

import { brokenMemory } from "../../../kit/broken-memory.ts";
import { COUNTER, type LoadRow } from "../../../supervise/load-board.ts";
import { distance } from "../../../kit/wrapping.ts";

/** How many are remembered before it is asked which of them were adopted. */
const FORGET_AT = 64;

export class SentDescriptors {
  readonly #row: Pick<LoadRow, "read">;
  /** Oldest first, less those the thread was seen to have adopted. */
  readonly #fds: number[] = [];
  #confirmed: number;

  constructor(row: Pick<LoadRow, "read">) {
    this.#row = row;
    this.#confirmed = row.read(COUNTER.adopted);
  }

  add(fd: number): void {
    this.#fds.push(fd);
    if (this.#fds.length >= FORGET_AT) this.#forgetAdopted();
  }

  /** The thread is dead: those that it never had. */
  takeBack(): number[] {
    this.#forgetAdopted();
    return this.#fds.splice(0);
  }

  #forgetAdopted(): void {
    const adopted = this.#row.read(COUNTER.adopted);
    const news = distance(this.#confirmed, adopted);
    if (news > this.#fds.length) {
      throw brokenMemory(`a thread has adopted ${news} connections, and ${this.#fds.length} were on their way to it`);
    }
    this.#fds.splice(0, news);
    this.#confirmed = adopted;
  }
}
