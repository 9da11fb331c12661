/** Where a run was measured: the header of every result file. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly date: string;
  /** Load average over the last minute when the run began; near 0 on a quiet machine. */
  readonly loadAverageAtStart: number;
  readonly generator: string;
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    date: new Date().toISOString(),
    loadAverageAtStart: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    generator:
      "co-located: the load generator runs on the same cores as the servers and takes CPU from them. Absolute numbers are " +
      "lower than on a machine of their own; compare the ratios.",
  };
}

/** The most open files, and so connections, of one process. */
export function openFilesLimit(): number {
  const line = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"));
  return Number(line?.[1] ?? 0);
}
