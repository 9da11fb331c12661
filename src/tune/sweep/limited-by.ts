/** What kept throughput from rising further. Pure. */

import type { LimitedBy, Sample } from "../types.ts";
import { counted, medianThroughput } from "./levels.ts";
import type { SweepResult } from "./sweep.ts";

/** The server's CPUs are used up from here on: the rest is what the kernel and the machine need. */
const CPU_FULL = 0.85;

/**
 * `cores`: that the server may use. At the knee it is `cpu` if its CPUs are used up, else `server`: a pool, a lock, a connection to
 * a database. Without a knee it is what ended the ladder.
 */
export function limitedBy({ levels, end }: Pick<SweepResult, "levels" | "end">, cores: number): LimitedBy {
  if (end === "generator" || end === "errors") return end;
  if (end !== "flat") return "nothing";
  const usable = levels.filter((level) => counted(level).length > 0);
  const best = usable.toSorted((a, b) => medianThroughput(b)! - medianThroughput(a)!)[0];
  const shares = (best === undefined ? [] : counted(best)).flatMap(cpuShare);
  if (shares.length === 0) return "server";
  return shares.reduce((sum, share) => sum + share, 0) / shares.length >= CPU_FULL * cores ? "cpu" : "server";
}

/** CPUs that the server used on average. */
function cpuShare({ serverCpuSeconds, seconds }: Sample): number[] {
  return serverCpuSeconds === undefined || seconds === 0 ? [] : [serverCpuSeconds / seconds];
}
