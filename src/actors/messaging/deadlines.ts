/**
 * Timeouts of calls and receives: one timer wheel for each thread (kit/timer-wheel.ts), driven by one Node timer. Every call
 * sets a deadline and clears it, so both must be cheap.
 *
 * Invariants
 * - The timer never fires later than the first deadline is due. It may fire earlier, and then finds nothing to do, because
 *   clearing a deadline does not touch it.
 * - The timer keeps the program alive while there are deadlines. When the last one is cleared, it is unref'd only at the end of
 *   the round (runtime/run-queue.ts): until then units run, and the next call comes soon.
 * - There is one timer, however many deadlines there are and have been. A duration beyond the limit of Node's timers takes
 *   several steps.
 *
 * The clock and the timers are the global ones, read at each use, so that tests can mock the program's waits
 * (kit/native-timers.ts).
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { type Deadline, TimerWheel } from "../../kit/timer-wheel.ts";
import { runQueue } from "../../runtime/run-queue.ts";
import { MAX_TIMER_MS } from "../../kit/native-timers.ts";

export type { Deadline } from "../../kit/timer-wheel.ts";

/** Timers sometimes fire early, by at most this part of a tick. */
const EARLY_MS = 0.5;

/** The timer belongs to no caller. It must not keep alive the async context of the caller that happened to set it. */
const inNoContext: (set: typeof setTimeout, run: () => void, ms: number) => NodeJS.Timeout =
  AsyncLocalStorage.snapshot();

class Deadlines {
  readonly #wheel: TimerWheel = new TimerWheel(Math.floor(performance.now()));
  #timer: NodeJS.Timeout | undefined;
  #keepsAlive: boolean = false;
  /** The tick for which the timer is set. Infinity: it is not set. */
  #armedTick: number = Infinity;
  /** The wheel is being advanced. What expires may set a deadline. */
  #isExpiring: boolean = false;
  /** The functions it was set with. A test may have replaced them since: then the timer fires too late, or never. */
  #setBy: typeof setTimeout = setTimeout;
  #clearedBy: typeof clearTimeout = clearTimeout;
  readonly #onTimer: () => void = () => this.#expire();

  get size(): number {
    return this.#wheel.size;
  }

  start(durationMs: number, deadline: Deadline): void {
    const wheel = this.#wheel;
    const nowMs = performance.now();
    // What is due at once comes behind what was due at once before it.
    const dueTick = Math.ceil(nowMs + Math.max(durationMs, 0));
    if (this.#isExpiring) {
      // The wheel may be ahead of the clock by `EARLY_MS`. The timer is set when all that is due has expired.
      wheel.add(deadline, dueTick);
      return;
    }
    if (this.#timer === undefined || nowMs < wheel.tick - 1) this.#resume(nowMs);
    wheel.add(deadline, dueTick);
    if (wheel.earliestTick < this.#armedTick || this.#setBy !== setTimeout) this.#arm(nowMs);
    else if (!this.#keepsAlive) this.#keepAlive(true);
  }

  clear(deadline: Deadline): void {
    if (this.#wheel.remove(deadline) && runQueue.isIdle) this.letGo();
  }

  /** The timer stays for the next deadline, without keeping the program alive until then. */
  letGo(): void {
    if (this.#wheel.size === 0 && this.#keepsAlive) this.#keepAlive(false);
  }

  #keepAlive(keepsAlive: boolean): void {
    this.#keepsAlive = keepsAlive;
    if (keepsAlive) this.#timer?.ref();
    else this.#timer?.unref();
  }

  /** The wheel has stood still because it was empty, or the clock went back, which only a test's clock does. */
  #resume(nowMs: number): void {
    const wheel = this.#wheel;
    if (wheel.size === 0 || nowMs < wheel.tick - 1) wheel.moveTo(Math.floor(nowMs));
    this.#armedTick = Infinity;
  }

  #arm(nowMs: number): void {
    this.#clearedBy(this.#timer);
    this.#setBy = setTimeout;
    this.#clearedBy = clearTimeout;
    this.#armedTick = this.#wheel.earliestTick;
    const delayMs = Math.min(Math.max(1, Math.ceil(this.#armedTick - EARLY_MS - nowMs)), MAX_TIMER_MS);
    this.#keepsAlive = true;
    this.#timer = inNoContext(setTimeout, this.#onTimer, delayMs);
  }

  #expire(): void {
    this.#timer = undefined;
    this.#armedTick = Infinity;
    this.#isExpiring = true;
    try {
      this.#wheel.advance(Math.floor(performance.now() + EARLY_MS));
    } finally {
      this.#isExpiring = false;
      if (this.#wheel.earliestTick < this.#armedTick) this.#arm(performance.now());
    }
  }
}

/** This thread's deadlines. */
const deadlines: Deadlines = new Deadlines();
runQueue.onIdle = () => deadlines.letGo();

/** `durationMs`: a duration (kit/durations.ts) from now on. 0 or less: as soon as timers run. */
export function startDeadline(durationMs: number, deadline: Deadline): void {
  deadlines.start(durationMs, deadline);
}

/** Does nothing for a deadline that was not set, has expired or was cleared before. */
export function clearDeadline(deadline: Deadline): void {
  deadlines.clear(deadline);
}

/** The number of this thread's deadlines that have neither expired nor been cleared. */
export function openDeadlines(): number {
  return deadlines.size;
}
