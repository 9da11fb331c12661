/**
 * Whether a handler thread's loop turns, judged by what the thread says. Pure: it is told what was heard and when.
 *
 * A thread is asked long before its time is over, so that the judgement stands when the time comes and none is lost by
 * waiting for it. Not judged by the clock alone: where CPUs are so short that this thread's own looks come late, the other
 * is late as well, and ending a thread that only waits for a CPU makes a busy machine busier.
 */

/** A loop that does not turn for so long is in a computation or a blocking call. */
const DEAF_MS = 250;
/** A quarter of a second of looks, where nothing delays them. */
const DEAF_LOOKS = 8;

export class LivenessProbe {
  /** When the last one was seen; 0: never. */
  lastMs = 0;
  /** 0: it owes none. */
  #askedMs = 0;
  #looks = 0;
  #isHeard = false;

  /** It has said something: whatever it was, its loop has turned. */
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

  /** It was sent something that it answers. False: it owes an answer already, to an earlier question. */
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
