/** The setting that tasks and actors share. */

import { HeddleError } from "../../errors/errors.ts";
import { runtime } from "../runtime.ts";

/** A larger number is a mistake. */
const MAX_SCHEDULER_THREADS = 256;

/**
 * How many scheduler threads tasks and actors are spread over, 1 to 256: Go's GOMAXPROCS. Default: the CPUs available.
 *
 * @throws THREADS_INVALID, also if it is not called on the program's first thread.
 */
export function setSchedulerThreads(threads: number): void {
  if (!Number.isSafeInteger(threads) || threads < 1 || threads > MAX_SCHEDULER_THREADS) {
    throw new HeddleError(
      "THREADS_INVALID",
      `setSchedulerThreads() needs a whole number from 1 to ${MAX_SCHEDULER_THREADS}, and got ${typeof threads === "number" ? threads : typeof threads}.`,
    );
  }
  runtime().resize("scheduler", threads);
}
