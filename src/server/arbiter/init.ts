/**
 * As PID 1 (a container's first process) the arbiter inherits every orphan. They become zombies unless their parent waits for
 * them. Node waits only for its own children, so the others are reaped here.
 *
 * Node's own children are left to libuv. It needs their exit status, and reads it within a tick.
 */

import { readdirSync, readFileSync } from "node:fs";
import { isOutOfDescriptors } from "../../platform/descriptors.ts";
import { loadNative, reap } from "../../platform/native.ts";
import type { Log } from "../../log/log.ts";

/** A zombie costs only a process table entry. */
const INTERVAL_MS = 1000;

export async function reapOrphans(log: Log): Promise<void> {
  if (!(await loadNative())) {
    log.warn(
      {},
      "running as PID 1 without reaping orphans: this Node has no `node:ffi`. Start the container with an init (docker run --init).",
    );
    return;
  }
  const seen = new Set<number>();
  setInterval(() => {
    const zombies = zombieChildren();
    // libuv reaps its own children within a tick of SIGCHLD. A zombie that is still there a second later is an orphan.
    for (const pid of zombies) if (seen.has(pid)) reap(pid);
    seen.clear();
    for (const pid of zombies) seen.add(pid);
  }, INTERVAL_MS).unref();
}

function zombieChildren(): number[] {
  return processes().flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const [state, parent] = readStat(name);
    return state === "Z" && parent === "1" ? [Number(name)] : [];
  });
}

function processes(): string[] {
  try {
    return readdirSync("/proc");
  } catch (error) {
    // Zombies can wait until descriptors are free again.
    if (isOutOfDescriptors(error)) return [];
    throw error;
  }
}

/** State and parent. In the file they follow the command's name in parentheses. */
function readStat(pid: string): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ", 2);
  } catch {
    // It has ended in the meantime.
    return [];
  }
}
