/**
 * A process that has no descriptors left, and what it needs one for in passing. Nothing that merely looks at the process
 * may fail for it: it has connections to serve with the descriptors it has, and gets others back when they end.
 */

import { closeSync, openSync } from "node:fs";

/** Whether a system call failed because this process, or the whole machine, has no descriptors left. */
export function isOutOfDescriptors(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, message } = error as NodeJS.ErrnoException;
  // Loading a module that needs a package.json says it in its message only.
  return code === "EMFILE" || code === "ENFILE" || message.includes("too many open files");
}

let wasFoundShort = false;

export function hasDescriptors(): boolean {
  try {
    closeSync(openSync("/dev/null", "r"));
    return true;
  } catch (error) {
    if (!isOutOfDescriptors(error)) return true;
    wasFoundShort = true;
    return false;
  }
}

/** Whether there is none, or whoever looked on this thread since the last call found none. */
export function isShort(): boolean {
  const isShort = !hasDescriptors() || wasFoundShort;
  wasFoundShort = false;
  return isShort;
}

let lastBytes = 0;

/** This process's resident memory in bytes; as it was last, where there is no descriptor to read it with. */
export function residentBytes(): number {
  try {
    lastBytes = process.memoryUsage.rss();
  } catch (error) {
    if (!isOutOfDescriptors(error)) throw error;
  }
  return lastBytes;
}
