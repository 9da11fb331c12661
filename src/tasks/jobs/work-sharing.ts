/**
 * Chooses the jobs that an idle thread gets. Pure.
 * It gets half of the longest queue, from its end: the first jobs are about to start where they are, and the order of tasks is
 * not guaranteed. Half, so that both threads then have about the same work.
 */

/** The most jobs moved at once: each is a message, and the thread will ask again. */
const MAX_MOVED = 256;

/** `waiting`: for each other thread, its jobs that have not started, in the order they were placed. */
export function chooseJobs<Job>(waiting: readonly (readonly Job[])[]): readonly Job[] {
  const most = waiting.reduce<readonly Job[]>((best, jobs) => (jobs.length > best.length ? jobs : best), []);
  return most.slice(-Math.min(MAX_MOVED, Math.ceil(most.length / 2)));
}
