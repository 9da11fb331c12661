import { readFileSync } from "node:fs";

/** The CPUs that a process may run on, as the kernel writes them. */
export function affinityOf(pid: number): string | undefined {
  return /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
}
