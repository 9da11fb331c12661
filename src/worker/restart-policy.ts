/**
 * When to replace something that died, a worker or a thread. Pure: events and a clock in, a delay out.
 *
 * Goals
 * - An isolated death is repaired at once: waiting would only lengthen the gap.
 * - A crash loop backs off, exponentially and capped, and never spins; who crashes before being ready backs off from the
 *   first time, because the next try will most likely fail the same way.
 * - Repeated kills of something healthy (once a second, say) are not a crash loop.
 *
 * A bucket of BURST tokens refills at one per REFILL_MS; a death of something that was ready costs one token. While
 * there are tokens the delay is 0. Otherwise, and for deaths before ready, it doubles from FIRST_DELAY_MS up to
 * MAX_DELAY_MS, until something stays alive for STABLE_MS.
 */

export interface RestartLimits {
  readonly burst: number;
  readonly refillMs: number;
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  readonly stableMs: number;
}

export const RESTART_LIMITS: RestartLimits = {
  burst: 5,
  refillMs: 500,
  firstDelayMs: 100,
  maxDelayMs: 30_000,
  stableMs: 10_000,
};

export class RestartPolicy {
  readonly #limits: RestartLimits;
  #tokens: number;
  #refilledMs: number;
  #failures = 0;

  constructor(nowMs: number, limits: RestartLimits = RESTART_LIMITS) {
    this.#limits = limits;
    this.#tokens = limits.burst;
    this.#refilledMs = nowMs;
  }

  /** Milliseconds to wait before the replacement. `readyForMs`: how long the dead one was ready, undefined if never. */
  died(nowMs: number, readyForMs: number | undefined): number {
    const { burst, refillMs, firstDelayMs, maxDelayMs, stableMs } = this.#limits;
    this.#tokens = Math.min(burst, this.#tokens + (nowMs - this.#refilledMs) / refillMs);
    this.#refilledMs = nowMs;
    if (readyForMs !== undefined && readyForMs >= stableMs) this.#failures = 0;
    if (readyForMs !== undefined && this.#tokens >= 1) {
      this.#tokens -= 1;
      return 0;
    }
    return Math.min(maxDelayMs, firstDelayMs * 2 ** Math.min(30, this.#failures++));
  }
}
