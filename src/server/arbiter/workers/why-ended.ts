/** Why a worker's process has ended, if nobody has told before. Pure. */

import { HeddleError } from "../../../errors/errors.ts";
import { BROKEN, TERMINATED } from "../../worker/worker-protocol.ts";
import type { ProcessEnd } from "./worker-process.ts";

const EXIT_HINT =
  "All requests of this worker are lost then. Throw to fail one request; `heddle stop` ends the server.";

export interface EndedWorker {
  readonly pid: number;
  /** The app ran on its main thread, and could end it. */
  readonly isAppProcess: boolean;
  readonly wasReady: boolean;
}

export function whyEnded({ pid, isAppProcess, wasReady }: EndedWorker, { code, signal }: ProcessEnd): HeddleError {
  if (signal !== null) return new HeddleError("WORKER_DIED", `worker ${pid} was killed by ${signal}`);
  if (code === TERMINATED && !wasReady)
    return new HeddleError("WORKER_DIED", `worker ${pid} got a SIGTERM before it was ready, and has ended`);
  if (!isAppProcess || code === BROKEN) return new HeddleError("WORKER_DIED", `worker ${pid} exited with code ${code}`);
  if (!wasReady)
    return new HeddleError("APP_EXITED", `the app ended its process while it was loading (process.exit(${code})).`);
  const message = `the app ended worker ${pid} itself (process.exit(${code}))`;
  return new HeddleError("APP_EXITED", message, { hint: EXIT_HINT });
}
