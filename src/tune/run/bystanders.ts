/**
 * CPU time that other programs used while the server was measured: a build, a backup, a browser. It makes a server look slower than
 * it is. Linux only: elsewhere it isn't known.
 */

import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { treeCpuSeconds } from "../probe/process-tree.ts";

export interface CpuReading {
  readonly atSeconds: number;
  /** Of all programs of the machine. */
  readonly busySeconds: number;
  /** Of this process and its children: the load generator, and the server. */
  readonly ownSeconds: number;
}

/** undefined: this system does not tell. */
export function readCpu(): CpuReading | undefined {
  const ownSeconds = treeCpuSeconds(process.pid);
  const busySeconds = parseBusySeconds(readStat());
  if (ownSeconds === undefined || busySeconds === undefined) return undefined;
  return { atSeconds: performance.now() / 1000, busySeconds, ownSeconds };
}

/** Of the machine's CPU time between two readings, 0 to 1. */
export function othersShare(before: CpuReading, after: CpuReading, cores: number = cpus().length): number {
  const others = after.busySeconds - before.busySeconds - (after.ownSeconds - before.ownSeconds);
  return Math.max(0, others / ((after.atSeconds - before.atSeconds) * cores));
}

/** Below, it is what any system does by itself. */
const NOTED_SHARE = 0.1;

/** A sentence for the notes. undefined: they used little, or it isn't known. */
export function othersNote(before: CpuReading | undefined, after: CpuReading | undefined): string | undefined {
  if (before === undefined || after === undefined) return undefined;
  const share = othersShare(before, after);
  if (share < NOTED_SHARE) return undefined;
  return `Other programs used ${Math.round(share * 100)} % of this machine's CPU time meanwhile. On an idle machine the server does more.`;
}

/** USER_HZ is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** proc_stat(5): user nice system idle iowait irq softirq steal; guests are within user. */
export function parseBusySeconds(stat: string): number | undefined {
  const line = /^cpu +(.+)$/m.exec(stat)?.[1];
  if (line === undefined) return undefined;
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(" ").map(Number);
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

function readStat(): string {
  try {
    return readFileSync("/proc/stat", "latin1");
  } catch {
    return "";
  }
}
