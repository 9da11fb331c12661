/** Memory of a whole process tree, as the kernel accounts it. */
import { readFileSync } from "node:fs";

export interface TreeMemory {
  /** Resident set: pages shared by several processes are counted once per process. */
  readonly rssMiB: number;
  /** Proportional set: a page shared by n processes counts 1/n in each, so the sum over a tree is what the tree costs. */
  readonly pssMiB: number;
  readonly processes: number;
}

export function treeMemory(pids: readonly number[]): TreeMemory {
  let rssKiB = 0;
  let pssKiB = 0;
  let processes = 0;
  for (const pid of pids) {
    const one = parseSmapsRollup(read(`/proc/${pid}/smaps_rollup`));
    if (one === undefined) continue;
    rssKiB += one.rssKiB;
    pssKiB += one.pssKiB;
    processes++;
  }
  return { rssMiB: rssKiB / 1024, pssMiB: pssKiB / 1024, processes };
}

export function parseSmapsRollup(text: string): { rssKiB: number; pssKiB: number } | undefined {
  const rss = /^Rss:\s+(\d+) kB/m.exec(text)?.[1];
  const pss = /^Pss:\s+(\d+) kB/m.exec(text)?.[1];
  return rss === undefined || pss === undefined ? undefined : { rssKiB: Number(rss), pssKiB: Number(pss) };
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
