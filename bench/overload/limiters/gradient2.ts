/**
 * Gradient2 (Netflix): the quotient of a long-term and a short-term average of the time says whether a queue grows. As published:
 * L ← 0.8 L + 0.2 (g · L + 4), g = clamp(1.5 · long / short, 0.5, 1); the long average forgets over 600 samples.
 */
import type { Bounds, Limiter, Window } from "../../../src/server/http/admit/adaptive/limiter.ts";

const TOLERANCE = 1.5;
const SMOOTHING = 0.2;
const HEADROOM = 4;
const LONG_WINDOW = 600;

export class Gradient2Limiter implements Limiter {
  limit: number;
  baselineMs: number | undefined = undefined;
  #estimate: number;
  #max: number;

  constructor({ seed, max }: Bounds) {
    this.#estimate = seed;
    this.limit = seed;
    this.#max = max;
  }

  resize({ max }: Bounds): void {
    this.#max = max;
    this.limit = Math.min(max, this.limit);
  }

  update({ meanMs, inFlight }: Window): void {
    const long = (this.baselineMs ?? meanMs) + (meanMs - (this.baselineMs ?? meanMs)) / LONG_WINDOW;
    // Comes down faster after a time of overload.
    this.baselineMs = long / meanMs > 2 ? long * 0.95 : long;
    if (inFlight < this.#estimate / 2 || meanMs === 0) return;
    const gradient = Math.min(1, Math.max(0.5, (TOLERANCE * this.baselineMs) / meanMs));
    const next = this.#estimate * gradient + HEADROOM;
    this.#estimate = Math.min(this.#max, Math.max(1, this.#estimate * (1 - SMOOTHING) + next * SMOOTHING));
    this.limit = Math.floor(this.#estimate);
  }
}
