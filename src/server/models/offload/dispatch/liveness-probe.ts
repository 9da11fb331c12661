/**
 * Judges by a handler thread's messages whether its loop turns. Pure: the caller says what was heard and when.
 *
 * The thread is asked long before its time is over, so that the verdict is ready in time. The clock alone is not enough: if
 * CPUs are so short that this thread's own looks are late, the other thread is late too. Killing a thread that only waits for
 * a CPU makes a busy machine busier.
 */

/** A loop that does not turn for this long is in a computation or a blocking call. */
const DEAF_MS = 250;
/** A quarter of a second of looks, if nothing delays them. */
const DEAF_LOOKS = 8;

export class LivenessProbe {
  /** When the last sign was seen. 0: never. */
  lastMs = 0;
  /** Since when it owes a sign. 0: it owes none. */
  #askedMs = 0;
  #looks = 0;
  #isHeard = false;

  /** It sent a message. Whatever it was, its loop has turned. */
  heard(): void {
    this.#isHeard = true;
  }

  /** Called every few milliseconds. */
  look(nowMs: number): void {
    this.#looks++;
    if (!this.#isHeard) return;
    this.#isHeard = false;
    this.#askedMs = 0;
    this.lastMs = nowMs;
  }

  /** It was sent a question. False: it still owes the answer to an earlier one. */
  asked(sinceMs: number): boolean {
    if (this.#askedMs > 0) return false;
    this.#askedMs = sinceMs;
    this.#looks = 0;
    return true;
  }

  areMissing(nowMs: number): boolean {
    return this.#askedMs > 0 && nowMs - this.#askedMs >= DEAF_MS && this.#looks >= DEAF_LOOKS;
  }
}
