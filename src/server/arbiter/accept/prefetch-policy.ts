/**
 * Which connections go ahead to busy workers, and which of them come back. Pure: what is known in, decisions out; the one
 * who acts on them is `idle-workers.ts`.
 *
 * A worker that comes free must not have to ask for its next connection: the answer takes longer than many a request. So
 * each busy worker may have one connection ahead of its turn, which it begins with by itself. A guess at who comes free
 * first can be wrong, and is corrected: while a connection waits behind one worker, an idle one gets it instead
 * (`toIdle`), and nobody is overtaken by a whole round of others (`overtaken`).
 */

/** A connection that was handed to a worker and, as far as is known, not begun. */
export interface Handed<W> {
  readonly worker: W;
  /** How many were handed before it. */
  readonly number: number;
  /** The worker was busy: it waits there. */
  readonly isAhead: boolean;
  /** Why it was asked for again; undefined: it was not. */
  readonly recalled: Recall | undefined;
}

/** What becomes of it when it is back: another turn in line, a 503, or nothing, for its client has left. */
export type Recall = "again" | "overdue" | "left";

/** Of a worker that could have one ahead: the number, as in `Handed`, of the connection it is busy with. */
export interface Busy {
  readonly takesAhead: boolean;
  readonly runs: number;
}

/** Index of the worker that has been busy for longest, and so probably comes free first; -1: none takes any. */
export function nextFree(workers: readonly Busy[]): number {
  let best = -1;
  for (const [index, { takesAhead, runs }] of workers.entries()) {
    if (takesAhead && (best === -1 || runs < workers[best]!.runs)) best = index;
  }
  return best;
}

/**
 * Those that idle workers should have instead, first come first: as many as are idle, less those that are on their way back
 * already. To be asked when nobody is in line.
 */
export function toIdle<H extends Handed<unknown>>(handed: readonly H[], idle: number): H[] {
  const ahead = handed.filter(({ isAhead }) => isAhead);
  const coming = ahead.filter(({ recalled }) => recalled === "again").length;
  return ahead.filter(({ recalled }) => recalled === undefined).slice(0, Math.max(0, idle - coming));
}

/**
 * Those that wait behind a slow worker: one handed a whole round (`workers` connections) later has begun. The distance is
 * counted in the order of handing, not of arrival: who is moved starts anew, and comes to rest at a worker that turns.
 */
export function overtaken<H extends Handed<unknown>>(handed: readonly H[], begun: number, workers: number): H[] {
  return handed.filter(
    ({ isAhead, recalled, number }) => isAhead && recalled === undefined && begun - number >= workers,
  );
}
