/**
 * Files at paths that others know: Unix sockets, the pid file. Another server may have replaced the file since. So before a
 * removal we check that it is still the same file. Nothing is awaited between the check and the removal.
 */

import { lstatSync, type Stats, unlinkSync } from "node:fs";

/** Identifies the file at a path. It stays the same until the file is removed or replaced. */
export type FileIdentity = string;

/** undefined: nothing is there, or it can't be read. A symbolic link is identified itself, not its target. */
export function identityOf(path: string): FileIdentity | undefined {
  try {
    const stats = lstatSync(path, { bigint: true });
    // An inode number may come again at once. The time of a socket or a pid file is that of its creation; a folder's changes.
    return `${stats.dev}:${stats.ino}${stats.isDirectory() ? "" : `:${stats.mtimeNs}`}`;
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
    // Another process was faster, or the folder is no longer writable.
    return false;
  }
}

/** What is at a path, for messages. */
export type PathKind = "nothing" | "a socket" | "a file" | "a folder" | "a symbolic link" | "a device or a pipe";

export function kindAt(path: string): PathKind {
  const found = stat(path);
  if (found === undefined) return "nothing";
  if (found.isSocket()) return "a socket";
  if (found.isFile()) return "a file";
  if (found.isDirectory()) return "a folder";
  return found.isSymbolicLink() ? "a symbolic link" : "a device or a pipe";
}

function stat(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    // Its folder can't be searched, or is a file.
    return undefined;
  }
}
