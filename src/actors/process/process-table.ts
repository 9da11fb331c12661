/** The actors of this thread that other threads know. A pid that is sent to another thread is entered here, so that incoming
 * messages find its actor. Other actors have no entry.
 */

import { actors } from "../../runtime/turn-handle.ts";
import { internPid, rememberPid, type Pid, type PidData } from "./pid.ts";
import { Process } from "./process.ts";
import { thisThread } from "../messaging/remote.ts";

const known: Map<number, Process> = new Map();

actors.lives = (id) => known.has(id);

/** The form in which a pid is sent to another thread. */
export function exportPid(pid: Pid): PidData {
  if (pid instanceof Process) {
    if (pid.status === "dead") rememberPid(pid);
    else known.set(pid.id, pid);
  }
  return [pid.thread, pid.id];
}

export function importPid([thread, id]: PidData): Pid {
  return (thread === thisThread ? known.get(id) : undefined) ?? internPid(thread, id);
}

/** The living actor of this thread with this number, if another thread can know it. */
export function localProcess(id: number): Process | undefined {
  return known.get(id);
}

/** It has exited. Its pid stays the same object. */
export function forgetProcess(process: Process): void {
  if (known.delete(process.id)) rememberPid(process);
}
