/** What kept throughput from rising further. Pure. */

import type { LimitedBy, Sample } from "../types.ts";
import { counted, median, medianThroughput } from "./levels.ts";
import type { SweepResult } from "./sweep.ts";

/** CPUs are used up from here on: the rest is what the kernel needs. */
const CPU_FULL = 0.85;

/**
 * `sharedCores`: those that the server and the generator share; undefined if each has its own. With a knee it is `cpu` if the two
 * have used them up, else `server`: its own cores, a pool, a lock, a database. Without a knee it is what ended the ladder.
 */
export function limitedBy({ levels, end }: Pick<SweepResult, "levels" | "end">, sharedCores?: number): LimitedBy {
  if (end === "generator" || end === "errors") return end;
  if (end !== "flat") return "nothing";
  const usable = levels.filter((level) => counted(level).length > 0);
  const best = usable.toSorted((a, b) => medianThroughput(b)! - medianThroughput(a)!)[0];
  const used = median((best === undefined ? [] : counted(best)).flatMap(usedCpus));
  return used === undefined || sharedCores === undefined || used < CPU_FULL * sharedCores ? "server" : "cpu";
}

function usedCpus({ serverCpuSeconds, seconds, generatorUtilization }: Sample): number[] {
  return serverCpuSeconds === undefined || seconds === 0 ? [] : [serverCpuSeconds / seconds + generatorUtilization];
}
