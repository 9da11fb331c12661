/**
 * A process and all of its descendants, and the CPU time that they have used, from /proc. Linux only: elsewhere the tree is its
 * root, and its CPU time is unknown.
 *
 * The time of a living process comes from its CPU clock (ns, its ended threads included), or without ffi from /proc/PID/stat (10 ms).
 * The time of an ended one is in its parent's row, to 10 ms, once the parent has collected it. A process whose parent has ended
 * is not of the tree any more.
 */

import { readdirSync, readFileSync } from "node:fs";
import { cpuSecondsOf } from "../../platform/native.ts";

/** The root first. Empty: the root has ended. */
export function processTree(root: number): number[] {
  const tree = isThere(root) ? [root] : [];
  for (let index = 0; index < tree.length; index++) tree.push(...childrenOf(tree[index]!));
  return tree;
}

/** undefined: nothing of it is there any more, or this is not Linux. Call `loadNative` before, for nanoseconds. */
export function treeCpuSeconds(root: number): number | undefined {
  const times = processTree(root).map(ownAndEnded);
  if (times.every((time) => time === undefined)) return undefined;
  return times.reduce<number>((sum, time) => sum + (time ?? 0), 0);
}

/**
 * For how many seconds the main threads of the root's descendants have wanted to run and had no core, all together. undefined: this
 * kernel does not count it.
 */
export function runDelaySeconds(root: number): number | undefined {
  const [, ...descendants] = processTree(root);
  const delays = descendants.map((pid) => read(`/proc/${pid}/schedstat`));
  if (delays.every((text) => text === undefined)) return undefined;
  return delays.reduce((sum, text) => sum + Number(text?.split(" ")[RUN_DELAY] ?? 0) / 1e9, 0);
}

/** Field of /proc/PID/schedstat, in ns: time on a core, time in the run queue, turns. */
const RUN_DELAY = 1;

/** Each thread lists the processes that it has started. */
function childrenOf(pid: number): number[] {
  const folder = `/proc/${pid}/task`;
  return list(folder).flatMap((thread) =>
    (read(`${folder}/${thread}/children`) ?? "")
      .split(" ")
      .filter((text) => text !== "")
      .map(Number),
  );
}

/** USER_HZ is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Fields of proc_pid_stat(5), counted from the command's closing bracket: the command may hold spaces and brackets. */
const UTIME = 11;
const STIME = 12;
const CHILDREN_UTIME = 13;
const CHILDREN_STIME = 14;

/** CPU seconds of the process, and of the children of it that it has collected. */
function ownAndEnded(pid: number): number | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const seconds = (field: number): number => Number(fields[field]) / TICKS_PER_SECOND;
  const own = cpuSecondsOf(pid) ?? seconds(UTIME) + seconds(STIME);
  return own + seconds(CHILDREN_UTIME) + seconds(CHILDREN_STIME);
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** A process may end between two reads. */
function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return undefined;
  }
}
