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
    return new Worker(entry, { ...ownPreloads(), ...options });
  } catch (cause) {
    const message = messageOf(cause);
    throw new HeddleError(code, `${who} cannot be started: ${message}`, {
      cause,
      ...(message.includes("EAGAIN") && { hint: NO_MORE_THREADS }),
    });
  }
}

const NO_MORE_THREADS =
  "The system allows no more threads: raise --pids-limit of the container, TasksMax= of the systemd unit, or `ulimit -u`.";
