/** Starts a thread. If the system refuses, Node throws only its error number. */

import { Worker, type WorkerOptions } from "node:worker_threads";
import { ownPreloads } from "./preloads.ts";
import { HeddleError, messageOf } from "../errors/errors.ts";

/** @throws HeddleError `code`: no more threads are possible now. `who`: the thread's name in the message. */
export function startThread(
  who: string,
  code: "THREAD_DIED" | "HANDLER_DIED",
  entry: URL,
  options: WorkerOptions,
): Worker {
  try {
    return newWorker(entry, { ...ownPreloads(), ...options });
  } catch (cause) {
    const message = messageOf(cause);
    throw new HeddleError(code, `${who} cannot be started: ${message}`, {
      cause,
      ...(message.includes("EAGAIN") && { hint: NO_MORE_THREADS }),
    });
  }
}

/** Node does not compare its stack of async ids with what it expects. */
const UNCHECKED = "--no-force-async-hooks-checks";

const NO_MORE_THREADS =
  "The system allows no more threads: raise --pids-limit of the container, TasksMax= of the systemd unit, or `ulimit -u`.";

/**
 * With it, code that is terminated in the callback of a timer does not end the process (runtime/run-queue.ts). Node takes the options
 * of the process for a thread, but not all of them in `execArgv`: then the thread starts without it.
 */
function newWorker(entry: URL, options: WorkerOptions): Worker {
  const execArgv = options.execArgv ?? process.execArgv;
  if (execArgv.includes(UNCHECKED)) return new Worker(entry, options);
  try {
    return new Worker(entry, { ...options, execArgv: [...execArgv, UNCHECKED] });
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ERR_WORKER_INVALID_EXEC_ARGV") throw error;
    return new Worker(entry, options);
  }
}
