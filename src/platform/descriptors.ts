/**
 * Handles a process that has no file descriptors left. A function that merely inspects the process must not fail for lack of
 * one: the process still serves its connections, and gets descriptors back when they end.
 */

import { closeSync, openSync, readdirSync, statSync } from "node:fs";

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

const OWN_DESCRIPTORS = process.platform === "linux" ? "/proc/self/fd" : "/dev/fd";
/** A count by names may be as old as so many times what it takes. */
const COUNTS_REST = 20;
let countedByNames: { readonly open: number; readonly untilMs: number } | undefined;

/**
 * How many descriptors this process has open. Takes some microseconds on Linux 6.2 and later, where the folder's size is their
 * number. Elsewhere the names are counted, about a microsecond each, so the count may be old; `isFresh`: it is not. undefined: they can't
 * be counted (there is no such folder, or it may not be read). Infinity: none is left to count them with.
 */
export function openDescriptors(isFresh: boolean): number | undefined {
  if (isHidden) return undefined;
  try {
    return countDescriptors(isFresh);
  } catch (error) {
    if (isOutOfDescriptors(error)) return Infinity;
    isHidden = true;
    return undefined;
  }
}

let isHidden = false;

function countDescriptors(isFresh: boolean): number {
  const { size } = statSync(OWN_DESCRIPTORS);
  if (size > 0 && process.platform === "linux") return size;
  const startMs = performance.now();
  if (countedByNames !== undefined && !isFresh && startMs < countedByNames.untilMs) return countedByNames.open;
  // One of them is that of reading the folder.
  const open = readdirSync(OWN_DESCRIPTORS).length - 1;
  const endMs = performance.now();
  countedByNames = { open, untilMs: endMs + (endMs - startMs) * COUNTS_REST };
  return open;
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
