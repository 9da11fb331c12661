/**
 * Which handler threads of a pool are let go. Pure: idle times in, numbers out.
 *
 * Requests go to the threads with a low slot first (server/models/offload/dispatch/assignment.ts), so it is those with a high
 * one that have had nothing to do, and they go first. The pool's min is how many threads there are at least under `threads`,
 * and how many are kept ready for the next requests, beside those that have one, under `thread-per-request`.
 */

import type { PoolSpec } from "../../models/offload/shared/offload-protocol.ts";

export interface IdleTime {
  readonly id: number;
  readonly slot: number;
  /** How long it has had nothing to do; 0: it has a request. */
  readonly idleMs: number;
}

/** `limitMs`: `--thread-idle`; 0 keeps all. */
export function toEvict(
  threads: readonly IdleTime[],
  { model, min }: Pick<PoolSpec, "model" | "min">,
  limitMs: number,
): readonly number[] {
  if (limitMs === 0) return [];
  const idle = threads.filter(({ idleMs }) => idleMs > 0);
  const kept = model === "threads" ? min - (threads.length - idle.length) : min;
  return idle
    .toSorted((a, b) => b.slot - a.slot)
    .slice(0, Math.max(0, idle.length - Math.max(0, kept)))
    .filter(({ idleMs }) => idleMs >= limitMs)
    .map(({ id }) => id);
}
