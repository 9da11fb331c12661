/**
 * How long a request has waited before this thread read it. A handler that computes keeps the thread from reading: its requests wait in
 * the kernel, and the gate sees none of them in flight.
 *
 * A loop reads in rounds. What is read in a round came after the round before had begun, and before this one began to read; unless the
 * loop had nothing to do in between: then it came after that. So the wait of a request is between the time since the round began, and
 * that time and the length of the round before.
 *
 * The cost: one immediate for each round in which a request comes, and one look at how long the loop was idle.
 */

import { performance } from "node:perf_hooks";

/** Shorter, and it is what it takes to ask the kernel for events. */
const IDLE_MS = 0.1;

export interface Delay {
  /** What can be expected: the middle of both bounds. */
  readonly expectedMs: number;
  readonly longestMs: number;
}

export class LoopDelay {
  #inRound = false;
  #roundMs = 0;
  #previousMs = 0;
  #idleMs = 0;
  expectedMs = 0;
  longestMs = 0;

  /** A request was read. Sets both delays. */
  arrived(nowMs: number): void {
    if (!this.#inRound) this.#begin(nowMs);
    const inRoundMs = nowMs - this.#roundMs;
    this.expectedMs = inRoundMs + this.#previousMs / 2;
    this.longestMs = inRoundMs + this.#previousMs;
  }

  #begin(nowMs: number): void {
    this.#inRound = true;
    setImmediate(this.#end);
    const { idle } = performance.eventLoopUtilization();
    const hasRested = idle - this.#idleMs > IDLE_MS;
    this.#idleMs = idle;
    this.#previousMs = hasRested ? 0 : nowMs - this.#roundMs;
    this.#roundMs = nowMs;
  }

  readonly #end = (): void => {
    this.#inRound = false;
  };
}
