/**
 * The jobs of a link by their number, oldest first, in as many places as its ring has cells.
 *
 * Only the serving thread has it. The numbers wrap at 2^32 (`wrapping.ts`), because they go into the ring, which is shared
 * memory. At most `cells` of them are in use, all in one range, so a number from another range never matches. `cells` is a
 * power of two, so the places continue without a gap when the numbers wrap.
 *
 * Not a Map: with many deletions, a Map leaves old tables that link to each other and keep their young entries alive. A third
 * of a busy thread's garbage was copied because of it.
 */

import { distance, next } from "../../../../kit/wrapping.ts";
import type { RemoteJob } from "./remote-job.ts";

export class JobWindow implements Iterable<RemoteJob> {
  readonly #places: (RemoteJob | undefined)[];
  readonly #mask: number;
  /** No job is older. */
  #first: number;
  /** The number of the next one. */
  #next: number;
  size = 0;

  /** `first`: the number of the first job. */
  constructor(cells: number, first: number) {
    this.#places = Array.from({ length: cells }, () => undefined);
    this.#mask = cells - 1;
    this.#first = this.#next = first;
  }

  get isFull(): boolean {
    return distance(this.#first, this.#next) >= this.#places.length;
  }

  /** Returns the job's number. Must not be called when full. */
  add(job: RemoteJob): number {
    const seq = this.#next;
    this.#places[seq & this.#mask] = job;
    this.#next = next(seq);
    this.size++;
    return seq;
  }

  get(seq: number): RemoteJob | undefined {
    const isInside = distance(this.#first, seq) < distance(this.#first, this.#next);
    return isInside ? this.#places[seq & this.#mask] : undefined;
  }

  remove(seq: number): void {
    this.#places[seq & this.#mask] = undefined;
    this.size--;
    while (this.#first !== this.#next && this.#places[this.#first & this.#mask] === undefined) {
      this.#first = next(this.#first);
    }
  }

  *[Symbol.iterator](): Iterator<RemoteJob> {
    for (let seq = this.#first; seq !== this.#next; seq = next(seq)) {
      const job = this.#places[seq & this.#mask];
      if (job !== undefined) yield job;
    }
  }
}
