/**
 * Sending: copies a message and puts it into the mailbox, here or on another thread.
 *
 * A full mailbox refuses a message with an error at the sender. Across threads the sender can't know in time. So the message is
 * dropped and counted at the full mailbox, and the sender's thread is informed. From then on messages are refused at the
 * sender, until it is informed that half of the mailbox was read.
 *
 * To another worker nothing is lost on the way, so what that one does not read waits at the sender, within a limit
 * (across/far-link.ts). Beyond it, messages are refused.
 */

import type { Transferable } from "node:worker_threads";
import { isHere } from "../across/own-worker.ts";
import { copy } from "../../runtime/copy/copy.ts";
import { pack, unpack } from "../../runtime/copy/message-packing.ts";
import { boundIn } from "../../runtime/copy/process-bound.ts";
import { CastMessage, mailboxFull, settleOverflow } from "./calls.ts";
import { beforeExitSignals } from "../process/exit-signals.ts";
import { rareFieldsOf } from "../process/rare-fields.ts";
import { resolveName, unknownName } from "../registry/registered-names.ts";
import { importPid, localProcess } from "../process/process-table.ts";
import type { Pid } from "../process/pid.ts";
import { Process, reading } from "../process/process.ts";
import { isLinkFull, onMessage, onThreadGone, post, refuseIfFull } from "./remote.ts";

/** What to do with a refused message: throw an error, or nothing. */
type WhenFull = "throw" | "drop";

/** Actors of other threads whose mailbox is full. */
const full: Set<Pid> = new Set();

export function sendTo(
  to: Pid | string,
  message: unknown,
  whenFull: WhenFull = "throw",
  transfer?: readonly Transferable[],
): void {
  const pid = to instanceof Process ? to : resolveName(to, "the receiver of send()");
  if (pid instanceof Process) deliver(pid, copy(message, transfer), whenFull);
  else if (pid === undefined) throw unknownName(to as string);
  else if (!isFull(pid, whenFull)) {
    const { value, markers } = pack(message, transfer);
    post(pid.thread, ["send", pid.id, value, markers], transfer);
  }
}

/** The same message to many. One whose mailbox is full does not get it. If the message cannot be sent to one, nobody gets it. */
export function sendToAll(pids: Iterable<Pid>, message: unknown): void {
  const here: Process[] = [];
  const byThread = new Map<number, number[]>();
  for (const pid of pids) {
    if (pid instanceof Process) here.push(pid);
    else if (!isFull(pid, "drop")) {
      const ids = byThread.get(pid.thread);
      if (ids === undefined) byThread.set(pid.thread, [pid.id]);
      else ids.push(pid.id);
    }
  }
  if (byThread.size > 0) postToAll(byThread, message);
  for (const process of here) deliver(process, copy(message), "drop");
}

/**
 * Packed once, and cloned once for each thread. But the home of a channel or a lock counts the references to it, so each thread gets its
 * own. Other workers first: they get less than other threads do.
 */
function postToAll(byThread: ReadonlyMap<number, readonly number[]>, message: unknown): void {
  let packed = pack(message);
  const isCounted = boundIn([packed]) !== undefined;
  const threads = [...byThread].sort(([a], [b]) => Number(isHere(a)) - Number(isHere(b)));
  for (const [index, [thread, ids]] of threads.entries()) {
    if (isCounted && index > 0) packed = pack(message);
    post(thread, ["sendAll", ids, packed.value, packed.markers]);
  }
}

/** Like `sendTo`, in the form that `handleCast` gets. */
export function castTo(to: Pid | string, message: unknown): void {
  const pid = resolveName(to, "the receiver of cast()");
  // As in Erlang, a cast never fails for lack of a server.
  if (pid === undefined) return;
  if (pid instanceof Process) deliver(pid, new CastMessage(copy(message)), "throw");
  else if (!isFull(pid, "throw")) {
    const { value, markers } = pack(message);
    post(pid.thread, ["cast", pid.id, value, markers]);
  }
}

function deliver(process: Process, message: unknown, whenFull: WhenFull): void {
  const overflowed = process.deliver(message);
  if (overflowed === undefined) return;
  settleOverflow(overflowed, undefined);
  if (overflowed === "refused" && whenFull === "throw") throw mailboxFull(process);
}

function isFull(pid: Pid, whenFull: WhenFull): boolean {
  if (isLinkFull(pid.thread)) {
    if (whenFull === "throw") refuseIfFull(pid.thread);
    return true;
  }
  if (full.size === 0 || !full.has(pid)) return false;
  if (whenFull === "throw") throw mailboxFull(pid);
  return true;
}

onMessage("send", (thread: number, id: number, value: unknown, markers: never) => {
  const process = localProcess(id);
  if (process !== undefined) deliverFrom(thread, process, unpack(value, markers));
});

onMessage("sendAll", (thread: number, ids: readonly number[], value: unknown, markers: never) => {
  const message = unpack(value, markers);
  for (const id of ids) {
    const process = localProcess(id);
    if (process !== undefined) deliverFrom(thread, process, copy(message));
  }
});

onMessage("cast", (thread: number, id: number, value: unknown, markers: never) => {
  const process = localProcess(id);
  if (process !== undefined) deliverFrom(thread, process, new CastMessage(unpack(value, markers)));
});

function deliverFrom(thread: number, process: Process, message: unknown): void {
  const overflowed = process.deliver(message);
  if (overflowed === undefined) return;
  settleOverflow(overflowed, undefined);
  if (overflowed !== "refused") return;
  const told = (rareFieldsOf(process).fullTold ??= new Set());
  if (told.has(thread)) return;
  told.add(thread);
  post(thread, ["full", process.id]);
}

/** The actor has read a message. If there is room enough, tells the threads that were told that the mailbox is full. */
reading.notice = (process: Process): void => {
  const extra = rareFieldsOf(process);
  if (extra.fullTold === undefined || (process.mailbox?.length ?? 0) > process.limits.limit / 2) return;
  for (const thread of extra.fullTold) post(thread, ["room", process.id]);
  extra.fullTold = undefined;
};

beforeExitSignals((process, extra) => {
  for (const thread of extra.fullTold ?? []) post(thread, ["room", process.id]);
});

onMessage("full", (thread: number, id: number) => {
  full.add(importPid([thread, id]));
});
onMessage("room", (thread: number, id: number) => {
  full.delete(importPid([thread, id]));
});
onThreadGone((thread) => {
  for (const pid of full) if (pid.thread === thread) full.delete(pid);
});
