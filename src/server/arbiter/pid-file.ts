/**
 * `--pid-file`: written when the server starts, removed when it ends; a file of a server that is gone is taken over, and
 * that of one that stops as well: its successor may start while it drains. It is removed only while it is the one that was
 * written here: two containers that share a folder may both be process 1.
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

/** A new file is told from the old one; where the folder may not be written, the file itself may. */
function removeOld(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Writing it says what is wrong.
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
/** The same from when it stops. */
export const STOPPING_TITLE = "heddle arbiter (stopping)";

/** The pid of a dead server may belong to anything by now. */
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
