/** What kept throughput from rising further. Pure. */

import type { LimitedBy, Sample } from "../types.ts";
import { counted, median, medianThroughput } from "./levels.ts";
import type { SweepResult } from "./sweep.ts";

/** CPUs are used up from here on: the rest is what the kernel needs. */
const CPU_FULL = 0.85;

export interface Limits {
  /** Cores that the server and the generator share; undefined if each has its own. */
  readonly sharedCores?: number | undefined;
  /** The estimate says that throughput still rose at the last level. */
  readonly isRising: boolean;
  /** A knee was found. The sweep went on beyond it for an SLO, and what ended it there limited no throughput. */
  readonly hasKnee?: boolean;
}

/**
 * Where throughput does not rise any more it is `cpu` if the server and the generator have used up the cores that they share, else
 * `server`: its own cores, a pool, a lock, a database.
 */
export function limitedBy({ levels, end }: Pick<SweepResult, "levels" | "end">, limits: Limits): LimitedBy {
  const { sharedCores, isRising, hasKnee = false } = limits;
  if (!hasKnee && (end === "generator" || end === "errors")) return end;
  if (isRising) return "nothing";
  const usable = levels.filter((level) => counted(level).length > 0);
  const best = usable.toSorted((a, b) => medianThroughput(b)! - medianThroughput(a)!)[0];
  const used = median((best === undefined ? [] : counted(best)).flatMap(usedCpus));
  return used === undefined || sharedCores === undefined || used < CPU_FULL * sharedCores ? "server" : "cpu";
}

function usedCpus({ serverCpuSeconds, seconds, generatorUtilization }: Sample): number[] {
  return serverCpuSeconds === undefined || seconds === 0 ? [] : [serverCpuSeconds / seconds + generatorUtilization];
}
