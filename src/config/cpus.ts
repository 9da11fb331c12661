/**
 * How many CPUs this process may really use: what its CPU affinity allows, less a cgroup's quota (a container's `cpus`).
 * A quota of 1.5 counts as 2, because half a CPU can still do work.
 *
 * Rejected: `os.availableParallelism()` alone. It knows no cgroup v1 quota and rounds a v2 quota down.
 */

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** The text of a file, or `undefined` when it is not there. */
export type FileReader = (path: string) => string | undefined;

export function availableCpus(read: FileReader = readText, fallback: number = availableParallelism()): number {
  const allowed = affinityCpus(read("/proc/self/status")) ?? fallback;
  const quota = quotaCpus(read);
  return Math.max(1, Math.min(allowed, quota === undefined ? Infinity : Math.ceil(quota)));
}

/** `Cpus_allowed_list: 0-3,8` is five. */
function affinityCpus(status: string | undefined): number | undefined {
  const list = /^Cpus_allowed_list:\s*([\d,-]+)$/m.exec(status ?? "")?.[1];
  if (list === undefined) return undefined;
  return list.split(",").reduce((sum, part) => {
    const [first = 0, last = first] = part.split("-").map(Number);
    return sum + last - first + 1;
  }, 0);
}

/** The smallest quota of the process's cgroup and those above it, in CPUs. */
function quotaCpus(read: FileReader): number | undefined {
  const quotas: number[] = [];
  for (const line of (read("/proc/self/cgroup") ?? "").split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    for (const directory of selfAndAncestors(path)) {
      if (controllers === "") quotas.push(...quotaV2(read(`/sys/fs/cgroup${directory}/cpu.max`)));
      else if (controllers.split(",").includes("cpu")) quotas.push(...quotaV1(read, controllers, directory));
    }
  }
  return quotas.length === 0 ? undefined : Math.min(...quotas);
}

/** `/a/b`, `/a`, and the root as `""`. Inside a container only the root may be visible, and it holds the quota. */
function selfAndAncestors(path: string): string[] {
  const segments = path.split("/").filter((segment) => segment !== "");
  return Array.from({ length: segments.length + 1 }, (_, dropped) =>
    segments.slice(0, segments.length - dropped).reduce((directory, segment) => `${directory}/${segment}`, ""),
  );
}

/** `150000 100000`, or `max 100000` for none. */
function quotaV2(text: string | undefined): number[] {
  const [quota, period] = (text ?? "").trim().split(/\s+/).map(Number);
  return ratio(quota, period);
}

/** The controllers' directory is named as in the list (`cpu,cpuacct`) or, by a link, `cpu`. A quota of -1 is none. */
function quotaV1(read: FileReader, controllers: string, directory: string): number[] {
  for (const mount of [controllers, "cpu"]) {
    const base = `/sys/fs/cgroup/${mount}${directory}`;
    const quota = read(`${base}/cpu.cfs_quota_us`);
    if (quota !== undefined) return ratio(Number(quota), Number(read(`${base}/cpu.cfs_period_us`)));
  }
  return [];
}

function ratio(quota: number | undefined, period: number | undefined): number[] {
  return quota !== undefined && period !== undefined && quota > 0 && period > 0 ? [quota / period] : [];
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
