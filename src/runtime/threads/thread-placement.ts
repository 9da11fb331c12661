/** Which thread something is to run on. Pure. */

/** Of a thread: what it has to do. */
export interface Candidate {
  readonly thread: number;
  readonly load: number;
}

/** Less than one thing: nobody has to move for half a thing less. */
const HOME_ADVANTAGE = 0.5;

export interface Placement {
  readonly thread: number | undefined;
  /** Even this one has something to do already: another thread would begin sooner, if there may be one. */
  readonly isBusy: boolean;
}

/** The thread with the least to do, the asking one before others that have as much; none of none. */
export function leastLoaded(candidates: Iterable<Candidate>, self: number): Placement {
  let best: number | undefined;
  let bestLoad = Infinity;
  for (const { thread, load } of candidates) {
    const weighed = load - (thread === self ? HOME_ADVANTAGE : 0);
    if (weighed < bestLoad) [best, bestLoad] = [thread, weighed];
  }
  return { thread: best, isBusy: bestLoad >= 1 };
}
