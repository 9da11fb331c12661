/**
 * `--pid-file`: written when the server starts, removed when it ends.
 *
 * The file of a server that is gone, or that is stopping, is replaced: a successor may start while the old server drains. The
 * file is removed at the end only if it is still the one that was written here: two containers that share a folder may both
 * be process 1.
 *
 * Of several servers that start at once only one gets the file. It is written elsewhere and linked to its path, which fails
 * if a file is there. Who removes an old file holds a lock, another file beside it: without it, a slow server could remove what a
 * faster one has just put there.
 */

import { linkSync, lstatSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { HeddleError } from "../../errors/errors.ts";
import { type FileIdentity, identityOf, removeIfSame } from "../../platform/owned-file.ts";

const MAX_TRIES = 500;
/** What holds the lock needs far less. */
const PAUSE_MS = 5;

/** @throws HeddleError PID_FILE_TAKEN */
export function claimPidFile(path: string): { release(): void } {
  let identity: FileIdentity | undefined;
  try {
    identity = isReplaceable(path) ? writeExclusively(path) : writeInPlace(path);
  } catch (cause) {
    if (cause instanceof HeddleError) throw cause;
    const message = `--pid-file ${path} cannot be written: ${(cause as Error).message}`;
    throw new HeddleError("PID_FILE_TAKEN", message, { cause });
  }
  return {
    release: () => {
      if (identity !== undefined && readOwner(path) === process.pid) removeIfSame(path, identity);
    },
  };
}

/** Whether a file can be made, or made anew, at this path. A device, a pipe or a link stays what it is. */
function isReplaceable(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? true;
}

function writeExclusively(path: string): FileIdentity | undefined {
  const own = `${path}.${process.pid}`;
  try {
    writeFileSync(own, `${process.pid}\n`);
  } catch (error) {
    // Of a full disk: the file is there, without its content.
    rmSync(own, { force: true });
    // The folder may not be written; the file may.
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) throw error;
    return writeInPlace(path);
  }
  try {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      if (linked(own, path)) return identityOf(path);
      refuseIfServing(path, readOwner(path));
      removeOld(path);
    }
    throw new Error("other servers that start replace it all the time");
  } finally {
    rmSync(own, { force: true });
  }
}

/** undefined: it is not removed at the end. */
function writeInPlace(path: string): undefined {
  refuseIfServing(path, readOwner(path));
  writeFileSync(path, `${process.pid}\n`);
}

/** false: another file is there. */
function linked(own: string, path: string): boolean {
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return false;
    // A file system without hard links. Whoever reads the file in the next microseconds finds it empty.
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "ENOSYS") throw error;
    return created(path);
  }
}

function created(path: string): boolean {
  try {
    writeFileSync(path, `${process.pid}\n`, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Removes the file of a server that is gone, unless another server does, or it is another file by now. */
function removeOld(path: string): void {
  const lock = `${path}.lock`;
  if (!created(lock)) {
    const holder = readOwner(lock);
    // It died in the middle. An empty lock is being written.
    if (holder !== undefined && !isAlive(holder)) rmSync(lock, { force: true });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    return;
  }
  try {
    refuseIfServing(path, readOwner(path));
    rmSync(path, { force: true });
  } finally {
    rmSync(lock, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** @throws HeddleError PID_FILE_TAKEN */
function refuseIfServing(path: string, owner: number | undefined): void {
  if (owner === undefined || owner === process.pid || !isServing(owner)) return;
  throw new HeddleError(
    "PID_FILE_TAKEN",
    `--pid-file ${path}: a heddle server with pid ${owner} is running. Stop it, or give another file.`,
  );
}

function readOwner(path: string): number | undefined {
  try {
    // A device may give bytes without end, a pipe may give none.
    if (!statSync(path).isFile()) return undefined;
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
