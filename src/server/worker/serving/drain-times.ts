/**
 * When what happens in a drain. Pure.
 *
 *   begun ─── responses end by themselves ───▶ last call ─── handlers that were told end ───▶ cut ─── onStop ───▶ deadline
 *
 * What is reserved before the deadline is little beside the graceful timeout. What the handlers do not need of their half is
 * `onStop`'s.
 */

/** Of `monotonicMs`. */
export interface DrainTimes {
  /** Whatever has not ended is told to. */
  readonly lastCallMs: number;
  /** Whatever has not ended is cut. */
  readonly cutMs: number;
  /** The thread is ended. */
  readonly deadlineMs: number;
}

/** A second for handlers that were told, one for `onStop`. */
const RESERVE_MS = 2000;
const RESERVED_PART = 1 / 4;
/** Of the reserve, before the cut. */
const HANDLERS_PART = 1 / 2;

export function drainTimes(nowMs: number, deadlineMs: number): DrainTimes {
  const reserveMs = reserveOf(deadlineMs - nowMs);
  return {
    lastCallMs: deadlineMs - reserveMs,
    cutMs: deadlineMs - reserveMs * (1 - HANDLERS_PART),
    deadlineMs,
  };
}

/** How much of a graceful timeout is kept for its end. */
export function reserveOf(gracefulTimeoutMs: number): number {
  return Math.max(0, Math.min(RESERVE_MS, gracefulTimeoutMs * RESERVED_PART));
}
