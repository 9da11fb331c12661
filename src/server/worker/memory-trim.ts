/**
 * When a worker gives memory back. Pure: a count in, a decision out.
 *
 * A load leaves free memory in the C library's arenas, one for each thread, which it does not give back by itself. Giving
 * it back takes locks that allocating threads wait for, so it is done when nobody is served: once after booting and after each
 * load, when no request has come since the last look. An idle worker is not woken for it again.
 */

export class Trimming {
  #seen = 0;
  #trimmedAt = -1;

  /** `requests`: how many have begun so far, all threads together. Called at regular intervals. */
  due(requests: number): boolean {
    const isQuiet = requests === this.#seen;
    this.#seen = requests;
    if (!isQuiet || requests === this.#trimmedAt) return false;
    this.#trimmedAt = requests;
    return true;
  }
}
