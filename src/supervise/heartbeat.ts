/** A thread's side of `watchdog.ts`: shows in shared memory, at an interval, that its loop turns. */

import { monotonicMs } from "../kit/clock.ts";
import { clearInterval, setInterval } from "../kit/native-timers.ts";

export interface HeartbeatOptions {
  readonly everyMs: number;
  /** Writes the time where the watchdog reads it. `sinceMs`: how long ago the last beat was; 0 at the first. */
  readonly beat: (nowMs: number, sinceMs: number) => void;
  /** Asked after each beat. An idle thread sleeps, and is watched again from the next `keep`. Default: always. */
  readonly goesOn?: () => boolean;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #timer: NodeJS.Timeout | undefined;
  #lastMs = 0;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  get isKept(): boolean {
    return this.#timer !== undefined;
  }

  /** Beats now, and from now on. */
  keep(): void {
    if (this.#timer === undefined) this.#lastMs = monotonicMs();
    this.#beat();
    this.#timer ??= setInterval(() => {
      this.#beat();
      if (this.#options.goesOn?.() === false) this.#rest();
    }, this.#options.everyMs).unref();
  }

  #beat(): void {
    const nowMs = monotonicMs();
    const sinceMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    this.#options.beat(nowMs, sinceMs);
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
