/**
 * A thread that has just received or sent a message spins for a moment before it sleeps. The answer is often on its way, and
 * the operating system takes longer to wake a sleeping thread than the answer takes. Go's idle threads spin in the same way.
 *
 * Messages that come meanwhile are received at once, without the loop.
 *
 * Invariants
 * - Timers and I/O are delayed by at most `LINGER_MS`, and only on threads that exchange messages.
 * - A thread that spins in vain does so less and less. On one CPU no thread spins, because none could answer meanwhile.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { runQueue } from "../run-queue.ts";

/** A received message must not run in the async context of the message before it. */
const inNoContext: (schedule: typeof setImmediate, run: () => void) => void = AsyncLocalStorage.snapshot();

/** A few times what an idle thread needs to answer, and about the cost of a wake-up on a virtual machine. */
const LINGER_MS = 0.05;

/** Trust, from the last outcomes: each answered spin adds one, each vain one subtracts one. */
const MOST_TRUST = 8;
/** Without trust, one in this many tries is made. */
const RARELY = 64;

export class SpinBeforePark {
  readonly #hasPost: () => boolean;
  readonly #receive: () => void;
  #trust = MOST_TRUST;
  #distrusted = 0;
  #scheduled = false;

  /** `hasPost`: whether an unreceived message has come. `receive`: receives it. */
  constructor(hasPost: () => boolean, receive: () => void) {
    this.#hasPost = hasPost;
    this.#receive = receive;
  }

  /** A message was sent or received: spins when everything else that is ready has run. */
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
    // The loop does not sleep now: there is work.
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
