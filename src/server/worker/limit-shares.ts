/** Divides a server-wide limit among worker slots, so that the shares add up to it exactly. */

import type { Limit } from "../../config/config.ts";

/** 0 (off) stays 0. Otherwise every worker gets at least 1, or it could serve nothing. */
export function share(total: number, slot: number, workers: number): number {
  if (total === 0) return 0;
  const base = Math.floor(total / workers);
  return Math.max(1, base + (slot < total % workers ? 1 : 0));
}

/** The same for a limit that may be adaptive: each worker finds its own, from its share of the knee to its share of the cap. */
export function shareLimit(limit: Limit, slot: number, workers: number): Limit {
  if (typeof limit === "number") return share(limit, slot, workers);
  const shares = Object.entries(limit.adaptive).map(([name, total]) => [name, share(total, slot, workers)]);
  return { adaptive: Object.fromEntries(shares) as { seed?: number; max?: number } };
}
