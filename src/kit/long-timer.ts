/**
 * A timer for any length of time. Node's timers wait at most 24.8 days (`MAX_TIMER_MS`), and fire at once when set for longer.
 * This one takes several steps. It uses the global timers, which can be mocked (native-timers.ts).
 */

import { MAX_TIMER_MS } from "../kit/native-timers.ts";

export class LongTimer {
  readonly #run: () => void;
  #timer: NodeJS.Timeout | undefined;
  #isRef = true;

  /** `ms`: a duration (durations.ts). For `Infinity` nothing is set, so nothing keeps the program alive. */
  constructor(run: () => void, ms: number) {
    this.#run = run;
    this.#set(Math.max(0, ms));
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  /** Keeps the program alive until it fires, or not. */
  keepAlive(isKept: boolean): void {
    this.#isRef = isKept;
    if (isKept) this.#timer?.ref();
    else this.#timer?.unref();
  }

  #set(ms: number): void {
    if (ms <= MAX_TIMER_MS) this.#timer = setTimeout(this.#run, ms);
    else if (ms !== Infinity) this.#timer = setTimeout(() => this.#set(ms - MAX_TIMER_MS), MAX_TIMER_MS);
    if (!this.#isRef) this.#timer?.unref();
  }
}
