/** Information about an actor, asked from its thread. */

import { mustBePid } from "../arguments/arguments.ts";
import type { Pid, PidData } from "./pid.ts";
import { exportPid, importPid, localProcess } from "./process-table.ts";
import type { Process, Status } from "./process.ts";
import { nothing } from "../messaging/mailbox.ts";
import { ask, ifThreadGone, onQuestion } from "../messaging/remote.ts";

export interface ProcessInfo {
  readonly pid: Pid;
  readonly name: string | undefined;
  /** The name that `actor()` was given, or that of its function. */
  readonly label: string | undefined;
  readonly kind: "actor" | "worker" | "supervisor";
  /** `running` also while it awaits something outside of this library. */
  readonly status: Exclude<Status, "dead">;
  readonly trapExit: boolean;
  readonly parent: Pid | undefined;
  readonly links: readonly Pid[];
  /** The actors that it watches. */
  readonly monitors: readonly Pid[];
  /** The actors that watch it. */
  readonly monitoredBy: readonly Pid[];
  readonly groups: readonly string[];
  /** Messages it has not received yet. */
  readonly mailboxLength: number;
  readonly mailboxLimit: number;
  /** Messages that were lost because the mailbox was full. */
  readonly messagesDropped: number;
  /** Messages, exit and DOWN messages that were put into its mailbox. */
  readonly messagesReceived: number;
  /** How often it was resumed. */
  readonly turns: number;
  /** Sampled (runtime/run-queue.ts): exact for an actor that runs long, an estimate for short turns. */
  readonly runTimeMs: number;
  /** Calls of others that it has not replied to. */
  readonly openCalls: number;
}

/**
 * Undefined if it has exited, or its thread has. It has no memory size, because V8 does not know whose an object is. The length
 * of the mailbox shows what grows.
 */
export async function processInfo(pid: Pid<never>): Promise<ProcessInfo | undefined> {
  mustBePid(pid, "the argument of processInfo()");
  const found = (await ask(pid.thread, "info", exportPid(pid)[1]).catch(ifThreadGone)) as Wire | undefined;
  if (found === undefined) return undefined;
  const { parent, links, monitors, monitoredBy, ...rest } = found;
  return {
    pid,
    ...rest,
    parent: parent && importPid(parent),
    links: links.map(importPid),
    monitors: monitors.map(importPid),
    monitoredBy: monitoredBy.map(importPid),
  };
}

interface Wire extends Omit<ProcessInfo, "pid" | "parent" | "links" | "monitors" | "monitoredBy"> {
  readonly parent: PidData | undefined;
  readonly links: readonly PidData[];
  readonly monitors: readonly PidData[];
  readonly monitoredBy: readonly PidData[];
}

onQuestion("info", (_from: number, id: number): Wire | undefined => {
  const process = localProcess(id);
  return process === undefined ? undefined : describe(process);
});

function describe(process: Process): Wire {
  const { extra, mailbox, next, status, received, turns, runMicros } = process;
  return {
    name: extra?.name,
    label: process.label,
    kind: extra?.kind ?? "actor",
    status: status as Exclude<Status, "dead">,
    trapExit: extra?.trapExit === true,
    parent: process.parent && exportPid(process.parent),
    links: [...(extra?.links ?? [])].map(exportPid),
    monitors: [...(extra?.monitors?.values() ?? [])].map(exportPid),
    monitoredBy: [...(extra?.watchers?.values() ?? [])].map(({ pid }) => exportPid(pid)),
    groups: [...(extra?.groups?.keys() ?? [])],
    mailboxLength: (mailbox?.length ?? 0) + (next === nothing ? 0 : 1),
    mailboxLimit: process.limits.limit,
    messagesDropped: mailbox?.dropped ?? 0,
    messagesReceived: received,
    turns,
    runTimeMs: runMicros / 1000,
    openCalls: extra?.callers?.size ?? 0,
  };
}
