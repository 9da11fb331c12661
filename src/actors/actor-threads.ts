/** The threads that actors run on, by number. */

import { runtime, LOAD } from "../runtime/runtime.ts";
import { numberOf, root } from "./across/own-worker.ts";
import { ask, onQuestion, thisThread } from "./messaging/remote.ts";

/** The number of this thread; the one where the program began is 0. In a server it is unique among all workers. */
export const thisThreadId: number = thisThread;

/**
 * The scheduler threads, as many as `setSchedulerThreads` allows (default: available CPUs). Starts those that do not run yet.
 */
export async function schedulerThreads(): Promise<readonly number[]> {
  return (await ask(root, "threads")) as number[];
}

onQuestion("threads", () => {
  const { board } = runtime();
  const claimed: number[] = [];
  // A thread is started only if all others are busy. So each gets a reservation, until all exist.
  for (let missing = runtime().size("scheduler"); missing > 0; missing--) {
    const thread = runtime().place("scheduler");
    if (thread === undefined) break;
    board.add(thread, LOAD.queued, 1);
    claimed.push(thread);
  }
  for (const thread of claimed) board.add(thread, LOAD.queued, -1);
  return runtime().candidates("scheduler").map(numberOf);
});
