/** The machine's cores: which of them this process may use, pinning a process to some, and what the hypervisor took. Linux only. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setAffinity } from "../../platform/native.ts";

/** The cores that this process may run on; empty where the system does not tell. */
export function allowedCpus(): number[] {
  const status = readText("/proc/self/status");
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status ?? "")?.[1];
  return list === undefined ? [] : parseCpuList(list);
}

/** `0-3,8` → 0, 1, 2, 3, 8 */
export function parseCpuList(list: string): number[] {
  return list.split(",").flatMap((part) => {
    const [first = Number.NaN, last = first] = part.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/**
 * Lets all threads of a process run on these cores only; threads that they start later inherit it. With `taskset` where Node has
 * no ffi. false: it could not be done.
 */
export function pin(pid: number, cpus: readonly number[]): boolean {
  if (process.platform !== "linux" || cpus.length === 0) return false;
  const threads = threadsOf(pid);
  if (threads.length === 0) return false;
  // A thread that ends meanwhile is no failure: its process is pinned if the main thread is.
  const pinned = threads.filter((thread) => setAffinity(thread, cpus));
  if (pinned.includes(pid)) return true;
  const { status } = spawnSync("taskset", ["--all-tasks", "--pid", "--cpu-list", cpus.join(","), String(pid)]);
  return status === 0;
}

function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [];
  }
}

export interface CpuTime {
  /** Of all cores, in ticks. */
  readonly total: number;
  readonly steal: number;
}

/** undefined where the system does not tell. */
export function readCpuTime(): CpuTime | undefined {
  const text = readText("/proc/stat");
  return text === undefined ? undefined : parseCpuTime(text);
}

/** The first line of /proc/stat, proc_stat(5): user nice system idle iowait irq softirq steal, all others are parts of these. */
export function parseCpuTime(text: string): CpuTime {
  const ticks = (text.split("\n", 1)[0] ?? "").trim().split(/\s+/).slice(1, 9).map(Number);
  return { total: ticks.reduce((sum, each) => sum + each, 0), steal: ticks[7] ?? 0 };
}

/** The share of all CPU time that the hypervisor took between two readings. 0 where it can't be told. */
export function stealShare(before: CpuTime | undefined, after: CpuTime | undefined): number {
  if (before === undefined || after === undefined || after.total <= before.total) return 0;
  return (after.steal - before.steal) / (after.total - before.total);
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return undefined;
  }
}
