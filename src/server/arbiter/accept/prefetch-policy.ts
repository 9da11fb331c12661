/**
 * Decides which connections are prefetched to busy workers, and which are recalled. Pure: facts in, decisions out;
 * `idle-workers.ts` carries them out.
 *
 * A worker that becomes free must not have to ask for its next connection: the answer takes longer than many a request. So
 * each busy worker may have one prefetched connection, which it begins by itself. The guess of the worker that is free first
 * can be wrong, so it is corrected: an idle worker gets a connection that waits behind another (`toIdle`), and no connection
 * is overtaken by a whole round of others (`overtaken`).
 */

/** A connection that was handed to a worker and, as far as is known, not begun. */
export interface Handed<W> {
  readonly worker: W;
  /** Its sequence number: how many were handed over before it. */
  readonly number: number;
  /** The worker was busy, so it waits there. */
  readonly isAhead: boolean;
  /** Why it was recalled. undefined: it was not. */
  readonly recalled: Recall | undefined;
}

/** What happens to it when it is back: it is queued again, refused with a 503, or closed because its client has left. */
export type Recall = "again" | "overdue" | "left";

/** A worker that may get a prefetched connection. `runs`: the number, as in `Handed`, of the connection it is busy with. */
export interface Busy {
  readonly takesAhead: boolean;
  readonly runs: number;
}

/** Index of the worker that has been busy for longest, so it is probably free first. -1: none takes any. */
export function nextFree(workers: readonly Busy[]): number {
  let best = -1;
  for (const [index, { takesAhead, runs }] of workers.entries()) {
    if (takesAhead && (best === -1 || runs < workers[best]!.runs)) best = index;
  }
  return best;
}

/**
 * The connections that idle workers should get instead, first come first: as many as workers are idle, less those that are on
 * their way back already. Called when the queue is empty.
 */
export function toIdle<H extends Handed<unknown>>(handed: readonly H[], idle: number): H[] {
  const ahead = handed.filter(({ isAhead }) => isAhead);
  const coming = ahead.filter(({ recalled }) => recalled === "again").length;
  return ahead.filter(({ recalled }) => recalled === undefined).slice(0, Math.max(0, idle - coming));
}

/**
 * The connections that wait behind a slow worker: one handed over a whole round (`workers` connections) later has begun. A
 * moved connection gets a new sequence number, so it isn't moved again while its new worker makes progress.
 */
export function overtaken<H extends Handed<unknown>>(handed: readonly H[], begun: number, workers: number): H[] {
  return handed.filter(
    ({ isAhead, recalled, number }) => isAhead && recalled === undefined && begun - number >= workers,
  );
}
