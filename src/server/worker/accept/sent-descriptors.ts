/**
 * Descriptors of connections that were sent to a serving thread. They are kept until the thread is known to have adopted them.
 * If it dies, the others are taken back.
 *
 * The thread counts in its row how many it has adopted (`COUNTER.adopted`), before it touches each. The count wraps at 2^32
 * (`wrapping.ts`). Between two reads of it, it moves at most by the number of descriptors on their way.
 */

import { count } from "../../../errors/count.ts";
import { brokenMemory } from "../../../kit/broken-memory.ts";
import { COUNTER, type LoadRow } from "../../../supervise/load-board.ts";
import { distance } from "../../../kit/wrapping.ts";

/** How many are kept before we check which of them were adopted. */
const FORGET_AT = 64;

export class SentDescriptors {
  readonly #row: Pick<LoadRow, "read">;
  /** Oldest first, without those known to be adopted. */
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

  /** The thread is dead: returns the descriptors that it never adopted. */
  takeBack(): number[] {
    this.#forgetAdopted();
    return this.#fds.splice(0);
  }

  #forgetAdopted(): void {
    const adopted = this.#row.read(COUNTER.adopted);
    const news = distance(this.#confirmed, adopted);
    if (news > this.#fds.length) {
      throw brokenMemory(
        `a thread has adopted ${count(news, "connection")}, and ${this.#fds.length} were on their way to it`,
      );
    }
    this.#fds.splice(0, news);
    this.#confirmed = adopted;
  }
}
