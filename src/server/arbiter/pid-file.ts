/**
 * `--pid-file`: written when the server starts, removed when it ends. The file of a dead server is replaced. So is that of a
 * stopping server: its successor may start while it drains. The file is removed only if it is the one written here: two
 * containers that share a folder may both be process 1.
 */

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { HeddleError } from "../../errors/errors.ts";
import { identityOf, removeIfSame } from "../../platform/owned-file.ts";

/** @throws HeddleError PID_FILE_TAKEN */
export function claimPidFile(path: string): { release(): void } {
  const owner = readOwner(path);
  if (owner !== undefined && owner !== process.pid && isServing(owner)) {
    throw new HeddleError(
      "PID_FILE_TAKEN",
      `--pid-file ${path}: a heddle server with pid ${owner} is running. Stop it, or give another file.`,
    );
  }
  try {
    removeOld(path);
    writeFileSync(path, `${process.pid}\n`);
  } catch (cause) {
    throw new HeddleError("PID_FILE_TAKEN", `--pid-file ${path} cannot be written: ${(cause as Error).message}`, {
      cause,
    });
  }
  const identity = identityOf(path);
  return {
    release: () => {
      if (readOwner(path) === process.pid) removeIfSame(path, identity);
    },
  };
}

/** Removes the old file, so that the new one has another identity. If the folder is not writable, the file itself may be. */
function removeOld(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Writing it will report the error.
  }
}

function readOwner(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, "utf8").trim());
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    // No file, no owner.
    return undefined;
  }
}

/** The arbiter's process title, which is what others see as its command line. */
export const ARBITER_TITLE = "heddle arbiter";
/** The same title once it stops. */
export const STOPPING_TITLE = "heddle arbiter (stopping)";

/** The pid of a dead server may belong to any other process by now. */
function isServing(pid: number): boolean {
  try {
    process.kill(pid, 0);
    if (process.platform !== "linux") return true;
    const title = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    return title.startsWith(ARBITER_TITLE) && !title.startsWith(STOPPING_TITLE);
  } catch {
    // No such process, or not one we could have started.
    return false;
  }
}
