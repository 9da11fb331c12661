/**
 * Finds the knee by trying: in every other slot of the clock the limit is a step higher. What comes of it is the elasticity of
 * throughput, d ln X / d ln N, from the two limits: below the knee it is 1 (twice the requests in flight, twice the throughput), beyond
 * it 0 or less (twice the requests, twice the time). The limit goes up while it is above `TARGET`, and down while it is below.
 *
 * Invariants
 * - Only slots in which the limit was reached count. While nobody waits, the limit stays where it is: moderate load and idle hours
 *   say nothing about it, so that it can't drift.
 * - No decision depends on a baseline of the response time, so that none can be learned under overload. The baseline is for the status
 *   and for the queue's target. It rises only in slots in which the limit was not reached and nobody was shed.
 * - The limit is from 1 to the max. Where it is 1, the step to 2 doubles the time of every request. So it is made only in every 32nd
 *   slot, until one of them pays or the time of a request changes.
 *
 * The time of an answer is in it nevertheless: N = X · R (Little's law), so that 1 - elasticity is that of the response time.
 */

import type { Bounds, Limiter, Window } from "./limiter.ts";

/** A quarter of a higher limit still comes back as throughput. At 0, a limit beyond the knee would look as good as the knee. */
const TARGET = 0.25;
/** How far one slot moves the limit: e^(0.35 · 0.75), 1.3 times, where throughput follows; e^(-0.35 · 0.25), 0.92 times, where not. */
const GAIN = 0.35;
/** The variance of a throughput of n answers is about this by n: half of that of a Poisson process. Few answers and a small step count less. */
const NOISE = 0.5;
/** Of a step, both ways together. Smaller, and its effect is lost in the noise of a slot. */
const STEP = 0.3;
/** How much of the last decisions' elasticity is kept. */
const KEPT = 0.5;
/** At least half of the arrivals found it so. */
const REACHED = 0.5;
const REST_SLOTS = 32;
/** A change of the time of a request by a quarter ends the rest. */
const RESTLESS = 0.25;
/** Two slots say something only if the requests in flight really differed: by 8 %, as a logarithm. */
const LEAST_RATIO = 0.08;
const BASELINE_WEIGHT = 0.2;
/** Under overload only this moves the baseline. The least mean of many slots would be noise. */
const CLEARLY_LESS = 0.8;
const MANY_ANSWERS = 50;
/** Until slots are as long as four answers, only the fast ones have ended. */
const YOUNG = 4;

export class ElasticityLimiter implements Limiter {
  limit: number;
  baselineMs: number | undefined = undefined;
  #middle: number;
  #max: number;
  #elasticity: number | undefined;
  /** The time of a request when the limit came to rest at 1; undefined: it is not at rest. */
  #restedMs: number | undefined;
  #before: Window | undefined;

  constructor({ seed, max }: Bounds) {
    this.#max = max;
    this.#middle = Math.min(seed, max);
    this.limit = this.#middle;
  }

  /** What was found is scaled, as the share of what is behind it is. */
  resize({ max }: Bounds): void {
    this.#middle = Math.min(max, Math.max(1, this.#middle * (max / this.#max)));
    this.#max = max;
    this.limit = this.#limitOf(0);
  }

  update(window: Window): void {
    this.#learnBaseline(window);
    const before = this.#before;
    this.#before = window;
    const isReached = window.fullShare >= REACHED;
    if (before !== undefined && isConsecutive(before, window) && (isReached || before.fullShare >= REACHED)) {
      this.#decide(before, window);
    }
    this.#rest(window);
    // Nobody waits: what would be a step down serves nobody.
    this.limit = this.#limitOf(isReached || (before?.fullShare ?? 0) >= REACHED ? window.next : 1);
  }

  #decide(a: Window, b: Window): void {
    const ratio = Math.log(b.inFlight / a.inFlight);
    if (!Number.isFinite(ratio) || Math.abs(ratio) < LEAST_RATIO) return;
    const throughput = b.answers / b.lengthMs / (a.answers / a.lengthMs);
    const seen = Math.min(1, Math.max(2 * TARGET - 1, Math.log(throughput) / ratio));
    this.#elasticity = this.#elasticity === undefined ? seen : KEPT * this.#elasticity + (1 - KEPT) * seen;
    const step = ratio ** 2;
    const trust = step / (step + NOISE * (1 / a.answers + 1 / b.answers));
    const moved = this.#middle * Math.exp(GAIN * trust * (this.#elasticity - TARGET));
    this.#middle = Math.min(this.#max, Math.max(1, moved));
  }

  #rest({ meanMs, inFlight }: Window): void {
    if (this.#middle >= 1.5) {
      this.#restedMs = undefined;
      return;
    }
    // Only slots in which one ran at a time.
    if (inFlight >= 1.5) return;
    if (this.#restedMs === undefined) {
      if ((this.#elasticity ?? 1) < TARGET) this.#restedMs = meanMs;
    } else if (Math.abs(meanMs / this.#restedMs - 1) > RESTLESS) {
      this.#restedMs = undefined;
      this.#elasticity = undefined;
    }
  }

  #limitOf(slot: number): number {
    const isHigh = slot % (this.#restedMs === undefined ? 2 : REST_SLOTS) === 1;
    const half = Math.max(this.#middle * (STEP / 2), 0.5);
    const limit = isHigh ? Math.ceil(this.#middle + half) : Math.floor(this.#middle - half + 0.5);
    return Math.min(this.#max, Math.max(1, limit));
  }

  #learnBaseline({ meanMs, fullShare, shed, answers, slotMs }: Window): void {
    const known = this.baselineMs;
    // The first answers of all are the fast ones.
    if (known === undefined && slotMs < YOUNG * meanMs) return;
    const isCalm = fullShare < REACHED && shed === 0;
    const isClearlyLess = known !== undefined && meanMs < CLEARLY_LESS * known && answers >= MANY_ANSWERS;
    if (known === undefined) this.baselineMs = meanMs;
    else if (isCalm || isClearlyLess) this.baselineMs = known + BASELINE_WEIGHT * (meanMs - known);
  }
}

function isConsecutive(a: Window, b: Window): boolean {
  return a.slotMs === b.slotMs && b.slot === a.slot + 1;
}
