/** The timers of a drain, on one side of it. The nearest deadline counts: a drain may be repeated with less time. */

import { monotonicMs } from "../../../kit/clock.ts";
import type { DrainTimes } from "./drain-times.ts";

type Step = readonly [atMs: number, happens: () => void];

export class DrainClock {
  deadlineMs: number = Infinity;
  readonly #steps: (times: DrainTimes) => readonly Step[];
  #timers: NodeJS.Timeout[] = [];

  constructor(steps: (times: DrainTimes) => readonly Step[]) {
    this.#steps = steps;
  }

  /** False: the current deadline is as near or nearer. */
  set(times: DrainTimes): boolean {
    if (times.deadlineMs >= this.deadlineMs) return false;
    this.stop();
    this.deadlineMs = times.deadlineMs;
    const nowMs = monotonicMs();
    this.#timers = this.#steps(times).map(([atMs, happens]) => setTimeout(happens, Math.max(0, atMs - nowMs)));
    return true;
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
