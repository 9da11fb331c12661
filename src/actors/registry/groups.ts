/** Groups: named sets of actors on all threads, as Erlang's `pg`. A group has no owner: each thread tells the others which groups
 * its actors join and leave, and keeps a copy of all groups. So the copies agree a moment later, not at once.
 *
 * An actor may join a group several times, and is a member until it has left as often. It leaves all when it or its thread
 * ends.
 */

import { mustBePid, mustBeText } from "../arguments/arguments.ts";
import { rareFieldsOf, type RareFields } from "../process/rare-fields.ts";
import { beforeExitSignals } from "../process/exit-signals.ts";
import type { Pid } from "../process/pid.ts";
import { Process } from "../process/process.ts";
import { exportPid, importPid, localProcess } from "../process/process-table.ts";
import {
  ask,
  broadcast,
  ifThreadGone,
  onMessage,
  onQuestion,
  onThreadAdded,
  onThreadGone,
  post,
  thisThread,
} from "../messaging/remote.ts";
import { root } from "../across/own-worker.ts";
import { sendToAll } from "../messaging/sending.ts";

/** How often each actor is in each group. */
const byGroup: Map<string, Map<Pid, number>> = new Map();

export interface Groups {
  /** Resolves when the actor's own thread has it in the group. Other threads learn of it a moment later. */
  join(group: string, pid: Pid): Promise<void>;
  /** Once for each `join`. */
  leave(group: string, pid: Pid): Promise<"ok" | "not_joined">;
  /** The members that this thread knows. An actor that has joined several times is listed as often. */
  members(group: string): Pid[];
  /** The members on this thread. */
  localMembers(group: string): Pid[];
  /** All groups that have members. */
  which(): string[];
  /** Sends a copy to every member, once to each. Returns to how many. Another thread gets it once for all of its members. */
  publish(group: string, message: unknown): number;
}

export const groups: Groups = {
  join: async (group, pid) => {
    check("join", group, pid);
    await ask(pid.thread, "join", group, exportPid(pid)[1]);
  },
  leave: async (group, pid) => {
    check("leave", group, pid);
    const left = await ask(pid.thread, "leave", group, exportPid(pid)[1]).catch(ifThreadGone);
    return (left ?? "not_joined") as "ok" | "not_joined";
  },
  members: (group) => {
    mustBeText(group, "the group of groups.members()");
    return membersOf(group);
  },
  localMembers: (group) => {
    mustBeText(group, "the group of groups.localMembers()");
    return membersOf(group).filter((pid) => pid.thread === thisThread);
  },
  which: () => [...byGroup.keys()],
  publish: (group, message) => {
    mustBeText(group, "the group of groups.publish()");
    const members = byGroup.get(group);
    if (members !== undefined) sendToAll(members.keys(), message);
    return members?.size ?? 0;
  },
};

function check(verb: "join" | "leave", group: string, pid: Pid): void {
  mustBeText(group, `the group of groups.${verb}()`);
  mustBePid(pid, `the actor of groups.${verb}()`);
}

function membersOf(group: string): Pid[] {
  return [...(byGroup.get(group) ?? [])].flatMap(([pid, times]) => Array.from({ length: times }, () => pid));
}

/** The members that this thread knows, each once. It must not change while the caller reads it. */
export function currentMembers(group: string): Iterable<Pid> {
  return byGroup.get(group)?.keys() ?? [];
}

onQuestion("members", (_from: number, group: string) => [...currentMembers(group)].map(exportPid));

/**
 * The members that the root of this worker knows. For a thread that has just joined: the others are about to tell it what they know.
 * If one of them ends, this thread is told so after the answer.
 */
export async function membersAtRoot(group: string): Promise<Pid[]> {
  const known = (await ask(root, "members", group)) as readonly (readonly [number, number])[];
  return known.map(importPid);
}

/** Sets how often the actor is in the group. 0: not at all. */
function setMember(group: string, pid: Pid, times: number): void {
  let members = byGroup.get(group);
  if (members === undefined) byGroup.set(group, (members = new Map()));
  if (times > 0) members.set(pid, times);
  else members.delete(pid);
  if (members.size === 0) byGroup.delete(group);
}

function change(process: Process, joined: Map<string, number>, group: string, times: number): void {
  if (times > 0) joined.set(group, times);
  else joined.delete(group);
  setMember(group, process, times);
  broadcast(["member", group, exportPid(process), times]);
}

onQuestion("join", (_from: number, group: string, id: number) => {
  const process = localProcess(id);
  if (process === undefined) return;
  const joined = (rareFieldsOf(process).groups ??= new Map());
  change(process, joined, group, (joined.get(group) ?? 0) + 1);
});

onQuestion("leave", (_from: number, group: string, id: number) => {
  const process = localProcess(id);
  const joined = process?.extra?.groups;
  const times = joined?.get(group) ?? 0;
  if (times === 0) return "not_joined";
  change(process!, joined!, group, times - 1);
  return "ok";
});

beforeExitSignals((process: Process, extra: RareFields) => {
  if (extra.groups === undefined) return;
  for (const group of extra.groups.keys()) change(process, extra.groups, group, 0);
});

onMessage("member", (_from: number, group: string, data: readonly [number, number], times: number) => {
  setMember(group, importPid(data), times);
});

onThreadAdded((thread) => {
  for (const [group, members] of byGroup) {
    for (const [pid, times] of members) {
      if (pid instanceof Process) post(thread, ["member", group, exportPid(pid), times]);
    }
  }
});

onThreadGone((thread) => {
  for (const [group, members] of byGroup) {
    for (const pid of members.keys()) if (pid.thread === thread) setMember(group, pid, 0);
  }
});
