/** Which thread each partition of a partitioned supervisor is on. A pure decision. */

/**
 * The thread for a partition that starts, also again: its own as long as that exists, else one that no other partition has. There
 * are fewer threads than partitions if the number was lowered. Then it is one that the fewest have.
 *
 * @param threads those that exist, at least one
 * @param taken the threads of all partitions so far, its own included; of a thread that has ended, too
 */
export function threadFor(partition: number, threads: readonly number[], taken: ReadonlyMap<number, number>): number {
  const own = taken.get(partition);
  if (own !== undefined && threads.includes(own)) return own;
  const others = [...taken].filter(([other]) => other !== partition).map(([, thread]) => thread);
  const sharedBy = (thread: number): number => others.filter((each) => each === thread).length;
  return threads.reduce((best, thread) => (sharedBy(thread) < sharedBy(best) ? thread : best));
}
