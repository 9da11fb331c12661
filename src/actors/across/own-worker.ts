/** The worker that this thread belongs to, if any, and the numbers of its threads. */

import { ROOT, runtime } from "../../runtime/runtime.ts";
import { ACTORS_VARIABLE, localOf, parseSeat, threadNumber, workerOf } from "./thread-numbers.ts";

/** undefined: this process is no worker of a server. Read once: a thread keeps its number. */
export const seat: ReturnType<typeof parseSeat> = parseSeat(process.env[ACTORS_VARIABLE]);

const worker = seat?.worker ?? 0;

/** The number of this thread. */
export const thisThread: number = numberOf(runtime().self);

/** The root of this worker. */
export const root: number = rootOf(thisThread);

/** The number of a thread of this worker. */
export function numberOf(local: number): number {
  return threadNumber(worker, local);
}

/** Whether the thread is one of this worker. */
export function isHere(thread: number): boolean {
  return workerOf(thread) === worker;
}

/** The root of the thread's worker. */
export function rootOf(thread: number): number {
  return thread - localOf(thread) + ROOT;
}
