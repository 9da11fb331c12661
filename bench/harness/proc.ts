/** Process trees, their CPU time and their end, from /proc: Linux only. */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** The given processes and all of their descendants, parents first, without those that are gone. */
export function processTree(roots: readonly number[]): number[] {
  const childrenOf = new Map<number, number[]>();
  const alive = new Set<number>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = readStat(Number(entry));
    if (stat === undefined || stat.state === "Z") continue;
    alive.add(stat.pid);
    const siblings = childrenOf.get(stat.parent);
    if (siblings === undefined) childrenOf.set(stat.parent, [stat.pid]);
    else siblings.push(stat.pid);
  }
  const tree = roots.filter((pid) => alive.has(pid));
  for (let index = 0; index < tree.length; index++) {
    for (const child of childrenOf.get(tree[index] ?? -1) ?? []) {
      if (!tree.includes(child)) tree.push(child);
    }
  }
  return tree;
}

export function isAlive(pid: number): boolean {
  const stat = readStat(pid);
  return stat !== undefined && stat.state !== "Z";
}

/** Waits for processes to end, and kills those that remain after the grace period. */
export async function endProcesses(pids: readonly number[], graceMs: number): Promise<void> {
  const deadline = performance.now() + graceMs;
  while (performance.now() < deadline && pids.some(isAlive)) await sleep(20);
  for (const pid of pids) {
    if (isAlive(pid)) killIfThere(pid, "SIGKILL");
  }
  const gone = performance.now() + 2000;
  while (performance.now() < gone && pids.some(isAlive)) await sleep(10);
}

export function killIfThere(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** CPU seconds that a process has used, user and system together. 0 if it is gone. */
export function cpuSeconds(pid: number): number {
  return readStat(pid)?.cpuSeconds ?? 0;
}

/** CPU seconds of these processes, of all their descendants, and of descendants that have ended and were waited for. */
export function treeCpuSeconds(roots: readonly number[]): number {
  return [...new Set(processTree(roots))].reduce((sum, pid) => sum + (readStat(pid)?.withEndedChildren ?? 0), 0);
}

/** USER_HZ is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

interface Stat {
  readonly pid: number;
  readonly state: string;
  readonly parent: number;
  readonly cpuSeconds: number;
  readonly withEndedChildren: number;
}

/**
 * /proc/<pid>/stat, proc_pid_stat(5). The command name may contain spaces and brackets, so fields count from the last
 * bracket.
 */
function readStat(pid: number): Stat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const seconds = (field: number): number => Number(fields[field]) / TICKS_PER_SECOND;
  const cpuSeconds = seconds(11) + seconds(12);
  return {
    pid,
    state: fields[0] ?? "Z",
    parent: Number(fields[1]),
    cpuSeconds,
    withEndedChildren: cpuSeconds + seconds(13) + seconds(14),
  };
}
