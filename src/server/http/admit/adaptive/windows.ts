/**
 * Cuts what the threads have measured into windows for the limiter. Pure: totals and a clock in, windows out.
 *
 * Windows are slots of the machine's monotonic clock, 125 ms long, or twice, four times … as long: enough for 16 answers, and for four
 * times the time of one. So workers that are loaded alike have the same slots. This matters when they share what limits them: a
 * worker that alone tries a higher limit takes throughput from the others and would believe that it made some.
 *
 * The beginning of each slot is not measured: what ends there began under the limit before.
 */

import type { Window } from "./limiter.ts";
import { ROW } from "./memory.ts";

const SHORTEST_MS = 125;
/** 125 ms · 2^8 = 32 s. */
const LONGEST_MS: number = SHORTEST_MS * 2 ** 8;
const ANSWERS_PER_SLOT = 16;
const ANSWER_TIMES_PER_SLOT = 4;
/** How much of what was needed before is kept, so that workers that are loaded alike agree on the length. */
const KEPT = 0.7;
/** So many times the answers that are needed end a slot: the app has become faster. */
const ENOUGH = 4;

export class Windows {
  /** Nothing was answered in the last slot that has ended. */
  isEmpty = false;
  #slotMs = SHORTEST_MS;
  #slot = -1;
  /** The totals when the measuring of this slot began. */
  #from: Float64Array | undefined;
  #fromMs = 0;
  #settleMs = 0;
  #neededMs: number | undefined;

  /** Call it often: a slot is measured from one call to another. */
  look(totals: Float64Array, nowMs: number): Window | undefined {
    if (Math.floor(nowMs / this.#slotMs) === this.#slot && !this.#hasEnough(totals, nowMs)) {
      if (this.#from === undefined && nowMs - this.#fromMs >= this.#settleMs) this.#begin(totals, nowMs);
      return undefined;
    }
    const window = this.#from === undefined ? undefined : this.#close(totals, this.#from, nowMs);
    this.#slot = Math.floor(nowMs / this.#slotMs);
    this.#fromMs = nowMs;
    this.#from = undefined;
    if (this.#settleMs === 0) this.#begin(totals, nowMs);
    return window === undefined ? undefined : { ...window, next: this.#slot };
  }

  /** More answers than the slot is for: shorter ones will do. */
  #hasEnough(totals: Float64Array, nowMs: number): boolean {
    if (this.#from === undefined || this.#slotMs === SHORTEST_MS || nowMs === this.#fromMs) return false;
    const [answers, answerMs] = [ROW.answers, ROW.answerMs].map((at) => totals[at]! - this.#from![at]!) as [
      number,
      number,
    ];
    if (answers < ENOUGH * ANSWERS_PER_SLOT) return false;
    const neededMs = neededFor(answers, answerMs / answers, nowMs - this.#fromMs);
    if (lengthFor(neededMs) * ENOUGH > this.#slotMs) return false;
    this.#neededMs = neededMs;
    return true;
  }

  #begin(totals: Float64Array, nowMs: number): void {
    this.#from = totals.slice();
    this.#fromMs = nowMs;
  }

  #close(totals: Float64Array, from: Float64Array, nowMs: number): Omit<Window, "next"> | undefined {
    const of = (index: number): number => totals[index]! - from[index]!;
    const { answers, answerMs, arrivals, inFlight, foundFull, shedDelayed, shedQueueFull, shedTimedOut } = ROW;
    const answered = of(answers);
    const arrived = of(arrivals);
    const lengthMs = nowMs - this.#fromMs;
    this.isEmpty = answered === 0;
    if (this.isEmpty) {
      // Answers take longer than a slot.
      if (arrived > 0) this.#fit(2 * this.#slotMs);
      return undefined;
    }
    const meanMs = of(answerMs) / answered;
    const window = {
      slot: this.#slot,
      slotMs: this.#slotMs,
      endMs: nowMs,
      lengthMs,
      answers: answered,
      meanMs,
      inFlight: of(inFlight) / answered,
      fullShare: arrived === 0 ? 0 : Math.min(1, of(foundFull) / arrived),
      shed: of(shedDelayed) + of(shedQueueFull) + of(shedTimedOut),
    };
    this.#fit(neededFor(answered, meanMs, lengthMs));
    this.#settleMs = Math.min(this.#slotMs / 2, meanMs);
    return window;
  }

  #fit(neededMs: number): void {
    const before = this.#neededMs ?? neededMs;
    this.#neededMs = before ** KEPT * neededMs ** (1 - KEPT);
    this.#slotMs = lengthFor(this.#neededMs);
  }
}

function neededFor(answers: number, meanMs: number, lengthMs: number): number {
  return Math.max((ANSWERS_PER_SLOT * lengthMs) / answers, ANSWER_TIMES_PER_SLOT * meanMs, 1);
}

function lengthFor(neededMs: number): number {
  let lengthMs = SHORTEST_MS;
  while (lengthMs < neededMs && lengthMs < LONGEST_MS) lengthMs *= 2;
  return lengthMs;
}
