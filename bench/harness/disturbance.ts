/**
 * How much CPU was used elsewhere during a measurement: by other guests of the same host, or by other programs on this machine.
 * A contender's numbers show neither, so both are reported beside them.
 */
import { readFileSync } from "node:fs";
import { treeCpuSeconds } from "./proc.ts";

export interface Disturbance {
  /** Share of the machine's CPU time that the host kept for itself. */
  readonly stealPercent: number;
  /** Share used by processes that belong neither to the benchmark nor to the server. */
  readonly othersPercent: number;
}

export interface CpuReading {
  readonly total: number;
  readonly busy: number;
  readonly steal: number;
  readonly own: number;
}

/** `pids`: the server's. They need not be children of the benchmark (a daemon is not). */
export function readCpu(pids: readonly number[]): CpuReading {
  const own = treeCpuSeconds([process.pid, ...pids]);
  return { ...parseCpuLine(readFileSync("/proc/stat", "latin1")), own };
}

/** The first line of /proc/stat, proc_stat(5), in seconds. Interrupts are left out of `busy`: they belong to nobody. */
export function parseCpuLine(text: string): Omit<CpuReading, "own"> {
  const line = text.split("\n", 1)[0] ?? "";
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const [user = 0, nice = 0, system = 0, , , , , steal = 0] = ticks;
  const total = ticks.reduce((sum, value) => sum + value, 0);
  return { total: total / 100, busy: (user + nice + system) / 100, steal: steal / 100 };
}

export function disturbance(before: CpuReading, after: CpuReading): Disturbance {
  const total = after.total - before.total;
  if (total <= 0) return { stealPercent: 0, othersPercent: 0 };
  const others = after.busy - before.busy - (after.own - before.own);
  return {
    stealPercent: (100 * (after.steal - before.steal)) / total,
    othersPercent: Math.max(0, (100 * others) / total),
  };
}
