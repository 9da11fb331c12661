/**
 * Plans which folders must be watched, and for which names, to see that a path leads to something else than before. These are
 * all folders on the way to it, each for the next name. If that name is a symbolic link, the way to its target is watched too.
 * So the replacement of a folder is seen in the folder above it. If a name is missing, the way is watched as far as it goes.
 *
 * Reads the file system, and caches what it has read within one plan.
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

/** Identifies what a path leads to. The text differs for another file, or for other contents. "": to nothing. */
export function signatureOf(path: string): string {
  const stats = statOf(path);
  if (stats === undefined) return "";
  const { dev, ino, size, mtimeNs } = stats;
  // A folder's size and time change with its entries, so they are left out.
  return stats.isDirectory() ? `${dev}:${ino}` : `${dev}:${ino}:${size}:${mtimeNs}`;
}

/** Whether the file was written, or put there, since then. */
export function isChangedSince(path: string, sinceMs: number): boolean {
  const stats = statOf(path);
  return (
    stats !== undefined && !stats.isDirectory() && Math.max(Number(stats.mtimeMs), Number(stats.ctimeMs)) > sinceMs
  );
}

function statOf(path: string): BigIntStats | undefined {
  return quietly(() => statSync(path, { bigint: true, throwIfNoEntry: false }));
}

/** If a file stands where a folder should be, or a folder is not accessible, the path leads nowhere. */
function quietly<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
