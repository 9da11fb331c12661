/**
 * Which copy of the app this is. Each serving thread of each worker loads the app, so what is to run once (cron jobs, migrations,
 * consumers) runs in the first one: `if (isFirst) startCronJobs();`. The number of a copy that dies or is reloaded goes to its
 * replacement.
 *
 * The same numbers are in the environment, `HEDDLE_WORKER_INDEX` and `HEDDLE_THREAD_INDEX`, for code that does not know heddle.
 */

import { isMainThread } from "node:worker_threads";
import { perThread } from "../../kit/per-thread.ts";

export interface Instance {
  /** Number of the worker, from 0. 0 without heddle. */
  readonly worker: number;
  /** Number of the serving thread in its worker, from 0. 0 without heddle. undefined on other threads: they run handlers, tasks and actors. */
  readonly thread: number | undefined;
}

/** The environment is copied to each thread that this one starts; this is not. */
const own = perThread<{ thread: number | undefined }>("instance", () => ({ thread: undefined }));

/** A serving thread, before it loads the app. `threads`: in each worker. */
export function numberThread(thread: number, threads: number): void {
  own.thread = thread;
  // This module was loaded before.
  isFirst = isZero();
  process.env["HEDDLE_THREAD_INDEX"] = `${thread}`;
  // As PM2 has it. One that the user has set, such as for the package config, stays.
  process.env["NODE_APP_INSTANCE"] ??= `${workerIndex() * threads + thread}`;
}

export const instance: Instance = {
  get worker() {
    return workerIndex();
  },
  get thread() {
    return own.thread ?? (isServed() || !isMainThread ? undefined : 0);
  },
};

/** Whether this is the first serving thread of the first worker; without heddle, the main thread. */
export let isFirst: boolean = isZero();

function isZero(): boolean {
  return instance.worker === 0 && instance.thread === 0;
}

function isServed(): boolean {
  return process.env["HEDDLE_WORKER_INDEX"] !== undefined;
}

function workerIndex(): number {
  return Number(process.env["HEDDLE_WORKER_INDEX"] ?? 0);
}
