/**
 * Decides which handler threads of a pool are evicted. Pure: idle times in, numbers out.
 *
 * Requests go to the threads with a low slot first (server/models/offload/dispatch/assignment.ts). So the threads with a high
 * slot are idle, and are evicted first. Under `threads`, the pool's min is the least number of threads. Under
 * `thread-per-request`, it is the number of threads kept ready for the next requests, besides the busy ones.
 */

import type { PoolSpec } from "../../models/offload/shared/offload-protocol.ts";

export interface IdleTime {
  readonly id: number;
  readonly slot: number;
  /** How long it has had nothing to do. 0: it has a request. */
  readonly idleMs: number;
}

/** `limitMs`: `--thread-idle`. 0 keeps all. */
export function toEvict(
  threads: readonly IdleTime[],
  { model, min }: Pick<PoolSpec, "model" | "min">,
  limitMs: number,
): readonly number[] {
  if (limitMs === 0) return [];
  const idle = threads.filter(({ idleMs }) => idleMs > 0);
  const kept = model !== "thread-per-request" ? min - (threads.length - idle.length) : min;
  return idle
    .toSorted((a, b) => b.slot - a.slot)
    .slice(0, Math.max(0, idle.length - Math.max(0, kept)))
    .filter(({ idleMs }) => idleMs >= limitMs)
    .map(({ id }) => id);
}
