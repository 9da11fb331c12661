/** Takes away a process's last file descriptors, from outside (util-linux' prlimit). Linux only. */

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** Lets `pid` open `free` descriptors more than it has now, and no others. Returns what gives it its old limit back. */
export function leaveDescriptors(pid: number, free: number): () => void {
  const before = /^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, "utf8"))![1]!;
  const setLimit = (limit: number | string): void =>
    void execFileSync("prlimit", ["--pid", `${pid}`, `--nofile=${limit}:`]);
  const used = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
  // The kernel gives out the lowest number that is free, and compares it with the limit.
  let limit = 0;
  for (let left = free; left > 0 || used.has(limit); limit++) if (!used.has(limit)) left--;
  setLimit(limit);
  return () => setLimit(before);
}
