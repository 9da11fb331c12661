/**
 * The files that workers are started from, heddle's own and Node's. If heddle is installed in a release folder, they vanish
 * when that release is removed. Running workers continue then, but none can be started.
 */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { HeddleError } from "../../../errors/errors.ts";

/** A worker's main module. The same extension as this file: `.ts` in a checkout, `.js` in the published package. */
export const workerFile: string = fileURLToPath(
  new URL(import.meta.url.replace(/arbiter\/workers\/own-files(\.[jt]s)$/, "worker/worker-main$1")),
);

/** undefined: they exist. */
export function missingFiles(): HeddleError | undefined {
  const missing = [workerFile, process.execPath].find((path) => !existsSync(path));
  if (missing === undefined) return undefined;
  return new HeddleError(
    "WORKER_DIED",
    `no worker can be started: ${missing} has been removed since the server was started from there`,
    {
      hint: "Put it back, or restart the server. Install heddle and Node outside of the releases, or keep the release that the server was started from.",
    },
  );
}
