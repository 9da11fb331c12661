/**
 * The jobs of a link by their number, oldest first, in as many places as its ring has cells.
 *
 * Not a Map: one from which entries are taken all the time leaves old tables behind, which lead from one to the next and
 * keep everything young alive that they name; a third of a busy thread's garbage was copied for it.
 */

import type { RemoteJob } from "./remote-job.ts";
import { CELLS } from "../shared/job-ring.ts";

export class JobWindow implements Iterable<RemoteJob> {
  readonly #places: (RemoteJob | undefined)[] = Array.from({ length: CELLS }, () => undefined);
  /** No job is older. */
  #first = 1;
  #last = 0;
  size = 0;

  get isFull(): boolean {
    return this.#last - this.#first + 1 >= CELLS;
  }

  /** Returns its number. */
  add(job: RemoteJob): number {
    this.#places[++this.#last % CELLS] = job;
    this.size++;
    return this.#last;
  }

  get(seq: number): RemoteJob | undefined {
    return seq < this.#first || seq > this.#last ? undefined : this.#places[seq % CELLS];
  }

  remove(seq: number): void {
    this.#places[seq % CELLS] = undefined;
    this.size--;
    while (this.#first <= this.#last && this.#places[this.#first % CELLS] === undefined) this.#first++;
  }

  *[Symbol.iterator](): Iterator<RemoteJob> {
    for (let seq = this.#first; seq <= this.#last; seq++) {
      const job = this.#places[seq % CELLS];
      if (job !== undefined) yield job;
    }
  }
}
