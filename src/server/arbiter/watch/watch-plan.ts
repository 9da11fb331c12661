/**
 * Which folders must be watched, and for which names in them, to see that a path leads to something else than before:
 * every folder on the way to it, for the next name; where that name is a symbolic link, also the way to where it leads.
 * So a folder that is replaced by another is seen in the one above it. A way that ends, because a name is missing, is
 * watched as far as it goes.
 *
 * Reads the file system, and remembers what it has read for one plan.
 */

import { type BigIntStats, lstatSync, readlinkSync, statSync } from "node:fs";
import { dirname, parse, resolve, sep } from "node:path";

/** Names by folder. */
export type WatchPlan = ReadonlyMap<string, ReadonlySet<string>>;

/** As many links as the kernel follows. */
const MAX_LINKS = 40;

/** `paths` are absolute. */
export function planWatch(paths: Iterable<string>): WatchPlan {
  const plan = new Map<string, Set<string>>();
  const kinds = new Map<string, "link" | "other" | undefined>();
  const kindOf = (path: string): "link" | "other" | undefined => {
    if (!kinds.has(path)) kinds.set(path, kindAt(path));
    return kinds.get(path);
  };
  const walk = (path: string, links: number): void => {
    const { root } = parse(path);
    const names = path.slice(root.length).split(sep).filter(Boolean);
    let folder = root;
    for (const [index, name] of names.entries()) {
      plan.set(folder, (plan.get(folder) ?? new Set()).add(name));
      const at = resolve(folder, name);
      const kind = kindOf(at);
      if (kind === undefined) return;
      if (kind === "link") {
        if (links < MAX_LINKS) walk(resolve(folder, targetOf(at), ...names.slice(index + 1)), links + 1);
        return;
      }
      folder = at;
    }
  };
  for (const path of paths) walk(path, 0);
  return plan;
}

function kindAt(path: string): "link" | "other" | undefined {
  const stats = quietly(() => lstatSync(path, { throwIfNoEntry: false }));
  if (stats === undefined) return undefined;
  return stats.isSymbolicLink() ? "link" : "other";
}

function targetOf(link: string): string {
  return quietly(() => readlinkSync(link)) ?? dirname(link);
}

/** What a path leads to: another text when that is another file, or a file with other contents. "": to nothing. */
export function signatureOf(path: string): string {
  const stats = statOf(path);
  if (stats === undefined) return "";
  const { dev, ino, size, mtimeNs } = stats;
  // A folder's size and time change with what is in it.
  return stats.isDirectory() ? `${dev}:${ino}` : `${dev}:${ino}:${size}:${mtimeNs}`;
}

/** Whether the file was written, or put there, since. */
export function isChangedSince(path: string, sinceMs: number): boolean {
  const stats = statOf(path);
  return (
    stats !== undefined && !stats.isDirectory() && Math.max(Number(stats.mtimeMs), Number(stats.ctimeMs)) > sinceMs
  );
}

function statOf(path: string): BigIntStats | undefined {
  return quietly(() => statSync(path, { bigint: true, throwIfNoEntry: false }));
}

/** A path on which a file has the place of a folder, or one that may not be entered, leads nowhere. */
function quietly<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
