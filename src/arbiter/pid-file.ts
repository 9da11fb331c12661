/** `--pid-file`: written when the server serves, removed when it ends; a file of a server that is gone is taken over. */

import { readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { HeddleError } from "../errors/errors.ts";

/** @throws HeddleError PID_FILE_TAKEN */
export function claimPidFile(path: string): { release(): void } {
  const owner = readOwner(path);
  if (owner !== undefined && owner !== process.pid && isHeddle(owner)) {
    throw new HeddleError(
      "PID_FILE_TAKEN",
      `--pid-file ${path}: a heddle server with pid ${owner} is running. Stop it, or give another file.`,
    );
  }
  try {
    writeFileSync(path, `${process.pid}\n`);
  } catch (cause) {
    throw new HeddleError("PID_FILE_TAKEN", `--pid-file ${path} cannot be written: ${(cause as Error).message}`, {
      cause,
    });
  }
  return {
    release: () => {
      if (readOwner(path) === process.pid) unlinkSync(path);
    },
  };
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

/** The pid of a dead server may belong to anything by now. */
function isHeddle(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== "linux" || readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith(ARBITER_TITLE);
  } catch {
    // No such process, or not one we could have started.
    return false;
  }
}
