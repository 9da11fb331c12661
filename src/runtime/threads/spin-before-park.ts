/**
 * A thread that has just heard something, or said something, stays awake for a moment before it sleeps: the answer is
 * often on its way, and to wake a sleeping thread takes the operating system longer than the answer takes. Go's idle threads
 * look for work for a moment in the same way.
 *
 * What comes meanwhile is received at once, without the loop.
 *
 * Invariants
 * - Timers and I/O come later by `LINGER_MS` at most, and only on threads that talk.
 * - A thread that lingers in vain does so less and less; on one CPU, where nobody could answer meanwhile, none does.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { runQueue } from "../run-queue.ts";

/** What is received belongs to nobody's async context, least of all to that of whoever spoke last. */
const inNoContext: (schedule: typeof setImmediate, run: () => void) => void = AsyncLocalStorage.snapshot();

/** A few times what an idle thread needs to answer, and what it costs to be woken on a virtual machine. */
const LINGER_MS = 0.05;

/** What it is worth, from the outcomes of the last: each that was answered counts one up, each in vain one down. */
const MOST_TRUST = 8;
/** Out of trust, every so many tries one is made. */
const RARELY = 64;

export class SpinBeforePark {
  readonly #hasPost: () => boolean;
  readonly #receive: () => void;
  #trust = MOST_TRUST;
  #distrusted = 0;
  #scheduled = false;

  /** `hasPost`: whether something has come that was not received yet. `receive`: receives it. */
  constructor(hasPost: () => boolean, receive: () => void) {
    this.#hasPost = hasPost;
    this.#receive = receive;
  }

  /** Something was said or heard: lingers when everything else that is ready has run. */
  stir(): void {
    if (this.#scheduled || !this.#isTrusted()) return;
    this.#scheduled = true;
    inNoContext(setImmediate, this.#linger);
  }

  #isTrusted(): boolean {
    if (this.#trust > 0) return true;
    this.#distrusted = (this.#distrusted + 1) % RARELY;
    return this.#distrusted === 0;
  }

  readonly #linger = (): void => {
    this.#scheduled = false;
    // Does not sleep: somebody has something to do here.
    if (runQueue.length > 0 || this.#hasPost()) return;
    const untilMs = performance.now() + LINGER_MS;
    while (performance.now() < untilMs) {
      if (!this.#hasPost()) continue;
      this.#trust = Math.min(MOST_TRUST, this.#trust + 1);
      this.#receive();
      return;
    }
    this.#trust = Math.max(0, this.#trust - 1);
  };
}
