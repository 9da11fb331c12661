/**
 * How long to wait before a dead member is started again. Pure: deaths in, a delay out. Each place of a pool has its own
 * backoff, so eight deaths at once are eight first deaths, not the eighth of one.
 *
 * Goals
 * - An isolated death is repaired at once: a delay would only lengthen the gap.
 * - A crash loop backs off, exponentially and capped, and never spins. A member that dies before it is ready backs off from
 *   the first time, because the next start will most likely fail the same way.
 * - Repeated kills of a healthy member (once a second, say) are not a crash loop.
 *
 * The death of a ready member costs one of `burst` tokens, and a ready member earns one per `refillMs`. While there are tokens,
 * the delay is 0. Otherwise, and for deaths before ready, it doubles from `firstDelayMs` up to `maxDelayMs`, until a member
 * stays alive for `stableMs`.
 *
 * Rejected: tokens earned by time alone. A member that dies as soon as it is ready takes longer to boot than a token takes to
 * come, so the loop would run at full speed for ever.
 */

export interface BackoffLimits {
  readonly burst: number;
  readonly refillMs: number;
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  readonly stableMs: number;
}

export const BACKOFF_LIMITS: BackoffLimits = {
  burst: 5,
  refillMs: 500,
  firstDelayMs: 100,
  maxDelayMs: 30_000,
  stableMs: 10_000,
};

export class Backoff {
  readonly #limits: BackoffLimits;
  #tokens: number;
  #failures = 0;

  constructor(limits: BackoffLimits = BACKOFF_LIMITS) {
    this.#limits = limits;
    this.#tokens = limits.burst;
  }

  /** Milliseconds to wait before the replacement. `readyForMs`: how long the dead one was ready, undefined if never. */
  died(readyForMs: number | undefined): number {
    const { burst, refillMs, firstDelayMs, maxDelayMs, stableMs } = this.#limits;
    this.#tokens = Math.min(burst, this.#tokens + (readyForMs ?? 0) / refillMs);
    if (readyForMs !== undefined && readyForMs >= stableMs) this.#failures = 0;
    if (readyForMs !== undefined && this.#tokens >= 1) {
      this.#tokens -= 1;
      return 0;
    }
    return Math.min(maxDelayMs, firstDelayMs * 2 ** Math.min(30, this.#failures++));
  }
}
