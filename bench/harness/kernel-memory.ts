/**
 * What the kernel keeps for TCP connections, which no process's own memory shows: the objects of each socket (from its slab
 * caches) and the buffers (from /proc/net/sockstat).
 *
 * It is of the whole machine. So it is read before and after, while nothing else opens connections; and if the clients are on
 * the same machine, half of it is theirs.
 */
import { readFileSync } from "node:fs";

/** Caches of which each socket takes objects, or an epoll set for it. Others may share a cache's pages; what is read is a difference. */
const CACHES: ReadonlySet<string> = new Set([
  "TCP",
  "sock_inode_cache",
  "filp",
  "eventpoll_epi",
  "eventpoll_pwq",
  "tcp_bind_bucket",
  "tcp_bind2_bucket",
]);

export interface KernelMemory {
  /** undefined: only root may read /proc/slabinfo. */
  readonly objectBytes: number | undefined;
  readonly bufferBytes: number;
}

export function kernelMemory(): KernelMemory {
  return {
    objectBytes: parseSlabInfo(read("/proc/slabinfo")),
    bufferBytes: parseSockStat(read("/proc/net/sockstat") ?? ""),
  };
}

/** Per connection. undefined: it can't be known. */
export function kernelBytesEach(before: KernelMemory, after: KernelMemory, ends: number): number | undefined {
  if (before.objectBytes === undefined || after.objectBytes === undefined || ends === 0) return undefined;
  return (after.objectBytes - before.objectBytes + after.bufferBytes - before.bufferBytes) / ends;
}

/** slabinfo(5), version 2.1: name, active objects, all objects, bytes of one. */
export function parseSlabInfo(text: string | undefined): number | undefined {
  if (text?.startsWith("slabinfo - version: 2") !== true) return undefined;
  let bytes = 0;
  for (const line of text.split("\n")) {
    const [name = "", active, , size] = line.split(/\s+/);
    // A dentry for each socket: its own cache holds all file names of the machine as well, and so says nothing.
    if (CACHES.has(name)) bytes += Number(active) * Number(size);
    if (name === "sock_inode_cache") bytes += Number(active) * DENTRY_BYTES;
  }
  return bytes;
}

/** The size of the kernel's `struct dentry`. */
const DENTRY_BYTES = 192;
const PAGE_BYTES = 4096;

/** The line `TCP: … mem <pages>`: socket buffers of all TCP connections. */
export function parseSockStat(text: string): number {
  return Number(/^TCP:.* mem (\d+)/m.exec(text)?.[1] ?? 0) * PAGE_BYTES;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}
