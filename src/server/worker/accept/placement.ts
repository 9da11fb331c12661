/**
 * Chooses the thread for a new connection. Pure: numbers in, an index out.
 *
 * Goals: connections are spread evenly (a burst of 64 over S threads differs by at most one). A thread whose loop does not
 * turn gets none while another's does. A leaving thread gets none at all. Ties rotate, so that connections that close at
 * once do not all go to the first thread.
 */

export interface ThreadLoad {
  readonly connections: number;
  /** Whether it takes connections: booted, and not leaving. */
  readonly open: boolean;
  /** Whether its heartbeat is too old. */
  readonly stale: boolean;
}

/** Index of the thread, or -1 if none takes connections. `turn`: grows by one with each placement. */
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
 * A thread with `own` other connections has accepted one. Which of the other threads should have it? -1: none, it keeps it.
 *
 * Keeping is free and passing on is not, so a difference of up to a fifth is ignored. Of a burst of 64, two threads get at
 * most 36 and 28. `isStale` is called only for a thread that would get it.
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
