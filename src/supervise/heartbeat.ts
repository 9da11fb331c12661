/**
 * A thread's side of `watchdog.ts`: shows in shared memory, at an interval, that its loop turns.
 *
 * With `spread` the interval is random. A thread that handles one request after another, all of the same length, would else beat at the
 * same moment of each of them, and never see that a beat comes late.
 */

import { monotonicMs } from "../kit/clock.ts";
import { clearTimeout, setTimeout } from "../kit/native-timers.ts";

export interface HeartbeatOptions {
  readonly everyMs: number;
  /** Each interval is shorter than `everyMs` by up to this share of it, at random. Default 0. */
  readonly spread?: number;
  /**
   * Writes the time where the watchdog reads it. `sinceMs`: how long ago the last beat was; 0 at the first. `lateMs`: how much later
   * this one came than it should; the loop did not turn in that time.
   */
  readonly beat: (nowMs: number, sinceMs: number, lateMs: number) => void;
  /** Asked after each beat. An idle thread sleeps, and is watched again from the next `keep`. Default: always. */
  readonly goesOn?: () => boolean;
}

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #timer: NodeJS.Timeout | undefined;
  #lastMs = 0;
  #dueMs = 0;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  get isKept(): boolean {
    return this.#timer !== undefined;
  }

  /** Beats now, and from now on. */
  keep(): void {
    if (this.#timer === undefined) this.#lastMs = this.#dueMs = monotonicMs();
    this.#beat();
    if (this.#timer === undefined) this.#wait();
  }

  #wait(): void {
    const { everyMs, spread = 0, goesOn } = this.#options;
    const inMs = everyMs * (1 - spread * Math.random());
    this.#dueMs = this.#lastMs + inMs;
    this.#timer = setTimeout(() => {
      this.#beat();
      if (goesOn?.() === false) this.#rest();
      else this.#wait();
    }, inMs).unref();
  }

  #beat(): void {
    const nowMs = monotonicMs();
    const sinceMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    this.#options.beat(nowMs, sinceMs, Math.max(0, nowMs - this.#dueMs));
  }

  #rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
