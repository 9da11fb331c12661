/** AIMD: × 0.9 after a window in which something was dropped or timed out, + 1 after one in which the limit was reached. */
import type { Bounds, Limiter, Window } from "../../../src/server/http/admit/adaptive/limiter.ts";

const BACK_OFF = 0.9;
/** Times of an answer over this are a timeout: this limiter needs to be told what is too long. */
const TIMEOUT_BASELINES = 3;

export class AimdLimiter implements Limiter {
  limit: number;
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
    this.baselineMs ??= meanMs;
    if (meanMs > TIMEOUT_BASELINES * this.baselineMs) this.limit = Math.max(1, Math.floor(this.limit * BACK_OFF));
    else if (fullShare >= 0.5) this.limit = Math.min(this.#max, this.limit + 1);
  }
}
