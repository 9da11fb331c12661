/** Divides a server-wide limit among worker slots, so that the shares add up to it exactly. */

/** 0 (off) stays 0. Otherwise every worker gets at least 1, or it could serve nothing. */
export function share(total: number, slot: number, workers: number): number {
  if (total === 0) return 0;
  const base = Math.floor(total / workers);
  return Math.max(1, base + (slot < total % workers ? 1 : 0));
}
