/**
 * The times of a drain's steps. Pure.
 *
 *   begun ─── responses end by themselves ───▶ last call ─── cancelled handlers end ───▶ cut ─── onStop ───▶ deadline
 *
 * The reserve before the deadline is small compared to the graceful timeout. `onStop` gets the time of the reserve that the
 * handlers do not use.
 */

/** Of `monotonicMs`. */
export interface DrainTimes {
  /** The requests that have not ended are cancelled. */
  readonly lastCallMs: number;
  /** The requests that have not ended are cut. */
  readonly cutMs: number;
  /** The thread is ended. */
  readonly deadlineMs: number;
}

/** One second for cancelled handlers, one for `onStop`. */
const RESERVE_MS = 2000;
const RESERVED_PART = 1 / 4;
/** The part of the reserve before the cut. */
const HANDLERS_PART = 1 / 2;

export function drainTimes(nowMs: number, deadlineMs: number): DrainTimes {
  const reserveMs = reserveOf(deadlineMs - nowMs);
  return {
    lastCallMs: deadlineMs - reserveMs,
    cutMs: deadlineMs - reserveMs * (1 - HANDLERS_PART),
    deadlineMs,
  };
}

/** How much of a graceful timeout is reserved for its end. */
export function reserveOf(gracefulTimeoutMs: number): number {
  return Math.max(0, Math.min(RESERVE_MS, gracefulTimeoutMs * RESERVED_PART));
}
