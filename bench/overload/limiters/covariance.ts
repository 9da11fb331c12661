/**
 * The adaptive limiter of failsafe-go, after Uber's Cinnamon: a gradient of times as Gradient2, guarded. It also goes down where the
 * limit is reached and throughput falls with the requests in flight (correlation below 0), or hardly rises while the time does
 * (below 0.3, and that of time above 0.5).
 */
import type { Bounds, Limiter, Window } from "../../../src/server/http/admit/adaptive/limiter.ts";

const REMEMBERED = 20;
const LONG_WINDOW = 60;

export class CovarianceLimiter implements Limiter {
  limit: number;
  baselineMs: number | undefined = undefined;
  readonly #windows: Window[] = [];
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

  update(window: Window): void {
    const { meanMs, inFlight, fullShare } = window;
    this.#windows.push(window);
    if (this.#windows.length > REMEMBERED) this.#windows.shift();
    this.baselineMs = (this.baselineMs ?? meanMs) + (meanMs - (this.baselineMs ?? meanMs)) / LONG_WINDOW;
    if (inFlight < this.#estimate / 2) return;
    const numbers = this.#windows.map((each) => each.inFlight);
    const throughput = correlation(
      numbers,
      this.#windows.map(({ answers, lengthMs }) => answers / lengthMs),
    );
    const time = correlation(
      numbers,
      this.#windows.map((each) => each.meanMs),
    );
    const isGuarded = fullShare >= 0.5 && (throughput < 0 || (throughput < 0.3 && time > 0.5));
    const gradient = this.baselineMs / meanMs;
    const step = Math.max(1, Math.log10(this.#estimate));
    if (isGuarded || gradient < 0.9) this.#estimate -= step;
    else if (fullShare >= 0.5) this.#estimate += step;
    this.#estimate = Math.min(this.#max, Math.max(1, this.#estimate));
    this.limit = Math.floor(this.#estimate);
  }
}

function correlation(xs: readonly number[], ys: readonly number[]): number {
  const mean = (of: readonly number[]): number => of.reduce((sum, each) => sum + each, 0) / of.length;
  const x = mean(xs);
  const y = mean(ys);
  let together = 0;
  let ofX = 0;
  let ofY = 0;
  for (let at = 0; at < xs.length; at++) {
    together += (xs[at]! - x) * (ys[at]! - y);
    ofX += (xs[at]! - x) ** 2;
    ofY += (ys[at]! - y) ** 2;
  }
  return ofX === 0 || ofY === 0 ? 1 : together / Math.sqrt(ofX * ofY);
}
