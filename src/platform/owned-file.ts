/**
 * Files at paths that others know: Unix sockets, the pid file. Another server may have put its own there since, so who
 * removes one first looks whether it is still the one it meant. Between the look and the removal nothing is awaited.
 */

import { lstatSync, unlinkSync } from "node:fs";

/** What lies at a path: the same as long as nobody removes or replaces it. */
export type FileIdentity = string;

/** undefined: nothing lies there, or nobody can tell. A symbolic link is itself, not what it leads to. */
export function identityOf(path: string): FileIdentity | undefined {
  try {
    const { dev, ino } = lstatSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

/** Removes the file if it is still the one that had this identity. Returns whether it did. */
export function removeIfSame(path: string, identity: FileIdentity | undefined): boolean {
  if (identity === undefined || identityOf(path) !== identity) return false;
  try {
    unlinkSync(path);
    return true;
  } catch {
    // Somebody else was quicker, or the folder may not be written any more.
    return false;
  }
}
