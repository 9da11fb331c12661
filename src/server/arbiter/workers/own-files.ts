/**
 * The files that workers are started from, heddle's own and Node's. If heddle is installed in a release folder, they vanish
 * when that release is removed. Running workers continue then, but none can be started.
 */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { HeddleError } from "../../../errors/errors.ts";

/** The main module of a worker whose app runs on threads. */
export const workerFile: string = inWorkerFolder("worker-main");
/** Of one whose app runs on its main thread. */
export const appProcessFile: string = inWorkerFolder("app-process-main");

/** The same extension as this file: `.ts` in a checkout, `.js` in the published package. */
function inWorkerFolder(name: string): string {
  return fileURLToPath(new URL(import.meta.url.replace(/arbiter\/workers\/own-files(\.[jt]s)$/, `worker/${name}$1`)));
}

/** undefined: they exist. */
export function missingFiles(): HeddleError | undefined {
  const missing = [workerFile, appProcessFile, process.execPath].find((path) => !existsSync(path));
  if (missing === undefined) return undefined;
  return new HeddleError(
    "WORKER_DIED",
    `no worker can be started: ${missing} has been removed since the server was started from there`,
    {
      hint: "Put it back, or restart the server. Install heddle and Node outside of the releases, or keep the release that the server was started from.",
    },
  );
}
