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

/** Options that Node has refused in `execArgv`: not tried for each thread. */
const refused = new Set<string>();

const NO_MORE_THREADS =
  "The system allows no more threads: raise --pids-limit of the container, TasksMax= of the systemd unit, or `ulimit -u`.";

/**
 * With UNCHECKED, code that is terminated in the callback of a timer does not end the process (runtime/run-queue.ts). Node takes the
 * options of the process for a thread, but refuses some of them in `execArgv`: V8's, and others that are the whole process's. A thread
 * has these in any case.
 */
function newWorker(entry: URL, options: WorkerOptions): Worker {
  const execArgv = options.execArgv ?? process.execArgv;
  const isUnchecked = execArgv.includes(UNCHECKED);
  if (options.execArgv === undefined && isUnchecked) return new Worker(entry, options);
  const wished = [...execArgv.filter((option) => !refused.has(option)), ...(isUnchecked ? [] : [UNCHECKED])];
  try {
    return new Worker(entry, { ...options, execArgv: wished });
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ERR_WORKER_INVALID_EXEC_ARGV") throw error;
    if (options.execArgv === undefined) return new Worker(entry, options);
    // Node names them.
    for (const option of /flags: (.*)/.exec(messageOf(error))?.[1]?.split(", ") ?? []) refused.add(option);
    return new Worker(entry, { ...options, execArgv: wished.filter((option) => !refused.has(option)) });
  }
}
