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

/** The difference that a thread ignores, as a part of its own connections. Of a burst of 64, two get at most 36 and 28. */
export const THREADS_TOLERANCE: number = 1 / 5;
/** To another process it is a longer way. Of a burst of 64, two get at most 40 and 24. */
export const WORKERS_TOLERANCE: number = 2 / 5;

/**
 * A thread with `own` other connections has accepted one. Which of the others should have it? -1: none, it keeps it. Keeping is
 * free and passing on is not, so a difference of up to `tolerance` is ignored. `isStale` is called only for one that would get it.
 */
export function passOnTo(
  own: number,
  others: readonly number[],
  tolerance: number,
  isStale: (index: number) => boolean,
): number {
  let best = -1;
  let fewest = own - Math.floor(own * tolerance);
  for (const [index, connections] of others.entries()) {
    if (connections >= fewest || isStale(index)) continue;
    best = index;
    fewest = connections;
  }
  return best;
}

/** Connections that live shorter than this are over before it matters where they are. */
const SHORT_LIFE_MS = 100;
/** Connections that close in a second. With fewer, passing on costs next to nothing, and few say nothing about the next. */
const CHURN = 1000;

/**
 * Whether so many connections come and live so short that passing them on costs more than it gives. By Little's law: `open` of
 * them now, `closed` of them within the last `windowMs`.
 */
export function areShortLived(open: number, closed: number, windowMs: number): boolean {
  return closed * 1000 >= CHURN * windowMs && (open * windowMs) / closed < SHORT_LIFE_MS;
}

function isBetter(a: ThreadLoad, b: ThreadLoad): boolean {
  if (a.stale !== b.stale) return b.stale;
  return a.connections < b.connections;
}
