/**
 * Handles a process that has no file descriptors left. A function that merely inspects the process must not fail for lack of
 * one: the process still serves its connections, and gets descriptors back when they end.
 */

import { closeSync, openSync } from "node:fs";

/** Whether a system call failed because this process, or the whole machine, has no descriptors left. */
export function isOutOfDescriptors(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, message } = error as NodeJS.ErrnoException;
  // An error of loading a module that needs a package.json names it only in its message.
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

/** Whether no descriptor is left, or a call on this thread found none since the last check. */
export function isShort(): boolean {
  const isShort = !hasDescriptors() || wasFoundShort;
  wasFoundShort = false;
  return isShort;
}

let lastBytes = 0;

/** This process's resident memory in bytes. If no descriptor is left to read it with: the last known value. */
export function residentBytes(): number {
  try {
    lastBytes = process.memoryUsage.rss();
  } catch (error) {
    if (!isOutOfDescriptors(error)) throw error;
  }
  return lastBytes;
}
