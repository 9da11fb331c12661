/** Chooses the thread for a new unit. Pure. */

/** A thread and the number of its units. */
export interface Candidate {
  readonly thread: number;
  readonly load: number;
}

/** Less than one unit: an advantage of half a unit is not worth a move. */
const HOME_ADVANTAGE = 0.5;

export interface Placement {
  readonly thread: number | undefined;
  /** Even this one has work already. Another thread would begin sooner, if one may be started. */
  readonly isBusy: boolean;
}

/** The least loaded thread. In a tie, the asking thread wins. Undefined without candidates. */
export function leastLoaded(candidates: Iterable<Candidate>, self: number): Placement {
  let best: number | undefined;
  let bestLoad = Infinity;
  for (const { thread, load } of candidates) {
    const weighed = load - (thread === self ? HOME_ADVANTAGE : 0);
    if (weighed < bestLoad) [best, bestLoad] = [thread, weighed];
  }
  return { thread: best, isBusy: bestLoad >= 1 };
}
