/** How long requests should wait at most on a server that is not overloaded: the target of CoDel. Pure. */

import type { Window } from "./limiter.ts";

export const TARGET_MS = 5;

/** What a busy machine loses now and then. */
const LEAST_TARGET_MS = 2;

/**
 * 5 ms, or half of an answer's time if that is less: a request may then wait as long as its answer takes. But at least half of the time
 * between two answers: with a shorter wait, a slot that comes free would often find nobody who waits for it.
 */
export function targetMs({ answers, lengthMs }: Pick<Window, "answers" | "lengthMs">, baselineMs: number): number {
  const usual = Math.min(TARGET_MS, Math.max(LEAST_TARGET_MS, baselineMs / 2));
  return Math.max(usual, (0.5 * lengthMs) / answers);
}
