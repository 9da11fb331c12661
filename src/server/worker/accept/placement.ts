/**
 * Which thread a new connection goes to. Pure: numbers in, an index out.
 *
 * Goals: connections spread evenly (a burst of 64 over S threads differs by at most one); a thread whose loop does not
 * turn gets none while another's does; a thread that is leaving gets none at all. Ties go round, so that connections
 * closed at once do not all land on the first thread.
 */

export interface ThreadLoad {
  readonly connections: number;
  /** Whether it takes connections: booted, and not leaving. */
  readonly open: boolean;
  /** Whether its heartbeat is too old. */
  readonly stale: boolean;
}

/** Index of the thread, or -1 when none takes connections. `turn`: a number that grows by one with each placement. */
export function place(threads: readonly ThreadLoad[], turn: number): number {
  let best = -1;
  for (let step = 0; step < threads.length; step++) {
    const index = (turn + step) % threads.length;
    const thread = threads[index]!;
    if (!thread.open) continue;
    if (best === -1 || isBetter(thread, threads[best]!)) best = index;
  }
  return best;
}

/**
 * Which of the other threads should have a connection that a thread with `own` others has accepted; -1: none, it keeps it.
 *
 * Keeping is free and passing on is not, so a difference of a fifth is left alone: of a burst of 64, two threads get at
 * most 36 and 28. `isStale` is asked only of those that would get it.
 */
export function passOnTo(own: number, others: readonly number[], isStale: (index: number) => boolean): number {
  let best = -1;
  let fewest = own - Math.floor(own / 5);
  for (const [index, connections] of others.entries()) {
    if (connections >= fewest || isStale(index)) continue;
    best = index;
    fewest = connections;
  }
  return best;
}

function isBetter(a: ThreadLoad, b: ThreadLoad): boolean {
  if (a.stale !== b.stale) return b.stale;
  return a.connections < b.connections;
}
