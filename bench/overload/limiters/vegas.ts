/** Vegas: the queue is estimated as L · (1 - least time / time), and kept between 3 and 6 · log10 L. */
import type { Bounds, Limiter, Window } from "../../../src/server/http/admit/adaptive/limiter.ts";

export class VegasLimiter implements Limiter {
  limit: number;
  /** The least time seen, as in TCP Vegas. */
  baselineMs: number | undefined = undefined;
  #max: number;

  constructor({ seed, max }: Bounds) {
    this.limit = seed;
    this.#max = max;
  }

  resize({ max }: Bounds): void {
    this.#max = max;
    this.limit = Math.min(max, this.limit);
  }

  update({ meanMs, fullShare }: Window): void {
    this.baselineMs = Math.min(this.baselineMs ?? Infinity, meanMs);
    if (fullShare < 0.5) return;
    const queue = this.limit * (1 - this.baselineMs / meanMs);
    const scale = Math.max(1, Math.log10(this.limit));
    if (queue < 3 * scale) this.limit = Math.min(this.#max, Math.ceil(this.limit + scale));
    else if (queue > 6 * scale) this.limit = Math.max(1, Math.floor(this.limit - scale));
  }
}
