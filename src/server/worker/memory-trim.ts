/**
 * Decides when a worker gives memory back. Pure: a count in, a decision out.
 *
 * A load leaves free memory in the C library's arenas, one for each thread. The library does not give it back by itself.
 * Giving it back takes locks that allocating threads wait for, so it is done while no request is served: once after booting
 * and once after each load, when no request has come since the last check. It does not repeat for an idle worker.
 */

export class Trimming {
  #seen = 0;
  #trimmedAt = -1;

  /** `requests`: how many have begun so far, on all threads. Called at regular intervals. */
  due(requests: number): boolean {
    const isQuiet = requests === this.#seen;
    this.#seen = requests;
    if (!isQuiet || requests === this.#trimmedAt) return false;
    this.#trimmedAt = requests;
    return true;
  }
}
