/**
 * Exit signals, links and monitors: how actors learn of each other's end.
 *
 * The rules (Erlang reference manual, Processes; they hold across threads)
 * - A link is between two actors, at most one for a pair. When one exits, the other gets an exit signal with its reason from
 *   the link. If the link was removed by then, the signal is dropped.
 * - An exit signal ends the actor with the same reason, with two exceptions. The reason `normal` is dropped, unless the actor
 *   sent it to itself. An actor that traps exits gets a message instead.
 * - `exit(pid, "kill")` cannot be trapped. The actor's reason is then `killed`, and its links see that. A link's `kill` is a
 *   reason like any other.
 * - A monitor is one-sided, there may be several, and each gives exactly one DOWN message.
 * - Linking or monitoring an actor that does not exist gives the signal or message at once, with the reason `noproc`.
 * - The name is freed and the groups are left before any signal or DOWN message is sent.
 * - From one actor to another, signals and messages arrive in the order of sending.
 *
 * Exits are processed in a loop, not recursively: a chain of a million links needs no stack.
 */

import { pack, unpack, type Packed } from "../../runtime/copy/message-packing.ts";
import type { ExitReason } from "./exit-reason.ts";
import { rareFieldsOf, type RareFields, type Watcher } from "./rare-fields.ts";
import type { Pid } from "./pid.ts";
import { Process } from "./process.ts";
import { exportPid, forgetProcess, importPid, localProcess } from "./process-table.ts";
import { type Message, onMessage, onThreadGone, post, thisThread } from "../messaging/remote.ts";
import { killObeyed, orderKill } from "../exits/kill-orders.ts";
import { threadReason } from "../exits/thread-reason.ts";
import { Signal } from "../messaging/signal.ts";
import { Selection } from "../messaging/wait-states.ts";

/** In the mailbox of an actor that traps exits. */
export class ExitMessage extends Signal {
  readonly type = "EXIT";
  /** Undefined: the sender is not an actor. */
  readonly from: Pid | undefined;
  readonly reason: ExitReason;
  constructor(from: Pid | undefined, reason: ExitReason) {
    super();
    this.from = from;
    this.reason = reason;
  }
}

/** A watched actor has exited. */
export class DownMessage extends Signal {
  readonly type = "DOWN";
  /** The number that `monitor` returned. */
  readonly ref: number;
  readonly pid: Pid;
  readonly reason: ExitReason;
  constructor(ref: number, pid: Pid, reason: ExitReason) {
    super();
    this.ref = ref;
    this.pid = pid;
    this.reason = reason;
  }
}

type LinkOrNot = "link" | "sent";

/** `from` undefined: the sender is not an actor. */
export function signalExit(from: Pid | undefined, to: Pid, reason: ExitReason, via: LinkOrNot): void {
  if (to instanceof Process) return arrive(from, to, reason, via);
  const sender = from && exportPid(from);
  postReason(to.thread, reason, (value, markers) => ["exit", to.id, sender, value, markers, via]);
  if (reason === "kill" && via === "sent") orderKill(to.thread, to.id);
}

/** A signal has come. */
export function arrive(from: Pid | undefined, to: Process, reason: ExitReason, via: LinkOrNot): void {
  if (to.status === "dead") return;
  if (via === "link" && to.extra?.links?.delete(from!) !== true) return;
  if (reason === "kill" && via === "sent") to.die("killed", "dropped");
  else if (to.extra?.trapExit === true) to.deliverSignal(new ExitMessage(from, reason));
  else if (reason !== "normal" || from === to) to.die(reason, "unwinds");
}

/** There is no link to its thread: the thread has ended, or it is this one, and the actor has. */
export function whyGone(pid: Pid): "noproc" | "noconnection" {
  return pid.thread === thisThread ? "noproc" : "noconnection";
}

let lastRef = 0;

export function newRef(): number {
  return ++lastRef;
}

export function monitor(process: Process, to: Pid): number {
  const ref = newRef();
  (rareFieldsOf(process).monitors ??= new Map()).set(ref, to);
  if (to instanceof Process) {
    if (to.status === "dead") down(process, ref, to, "noproc");
    else watch(to, { pid: process, ref });
  } else {
    exportPid(process);
    if (!post(to.thread, ["monitor", to.id, process.id, ref])) down(process, ref, to, whyGone(to));
    else tie(process, to.thread);
  }
  return ref;
}

/** `flush`: also removes the DOWN message from the mailbox, if it is there. */
export function demonitor(process: Process, ref: number, flush: boolean): void {
  const to = process.extra?.monitors?.get(ref);
  if (to !== undefined) {
    process.extra!.monitors!.delete(ref);
    if (to instanceof Process) to.extra?.watchers?.delete(watcherKey(process.thread, ref));
    else post(to.thread, ["demonitor", to.id, ref]);
  }
  if (!flush) return;
  process.mailbox?.take((message: unknown) => message instanceof DownMessage && message.ref === ref);
  // A receive that waits has noted how far it has looked. What comes behind the message has moved.
  if (process.wait instanceof Selection) process.wait.after = -Infinity;
}

export function watch(process: Process, watcher: Watcher): void {
  (rareFieldsOf(process).watchers ??= new Map()).set(watcherKey(watcher.pid.thread, watcher.ref), watcher);
  if (!(watcher.pid instanceof Process)) tie(process, watcher.pid.thread);
}

function watcherKey(thread: number, ref: number): string {
  return `${thread}/${ref}`;
}

function down(process: Process, ref: number, pid: Pid, reason: ExitReason): void {
  if (process.extra?.monitors?.delete(ref) === true) process.deliverSignal(new DownMessage(ref, pid, reason));
}

// The end of an actor

type Farewell = readonly [process: Process, extra: RareFields, reason: ExitReason];

const farewells: Farewell[] = [];
const releases: ((process: Process, extra: RareFields) => void)[] = [];
let sendingExits = false;

/** For names and groups: runs before the exit's signals and DOWN messages are sent. */
export function beforeExitSignals(release: (process: Process, extra: RareFields) => void): void {
  releases.push(release);
}

/** Whether exits are being processed: true in program code that an exit calls (an abort listener). */
export function isSendingExits(): boolean {
  return sendingExits;
}

export function tellOfExit(process: Process, extra: RareFields, reason: ExitReason): void {
  farewells.push([process, extra, reason]);
  if (sendingExits) return;
  sendingExits = true;
  try {
    for (let index = 0; index < farewells.length; index++) tell(...farewells[index]!);
  } finally {
    farewells.length = 0;
    sendingExits = false;
  }
}

function tell(process: Process, extra: RareFields, reason: ExitReason): void {
  for (const release of releases) release(process, extra);
  for (const other of extra.links ?? []) signalExit(process, other, reason, "link");
  for (const [ref, other] of extra.monitors ?? []) {
    if (other instanceof Process) other.extra?.watchers?.delete(watcherKey(process.thread, ref));
    else post(other.thread, ["demonitor", other.id, ref]);
  }
  for (const { pid, ref } of extra.watchers?.values() ?? []) {
    if (pid instanceof Process) down(pid, ref, process, reason);
    else sendDown(pid, ref, process, reason);
  }
  for (const call of extra.callers ?? []) call.serverExited(reason);
  for (const ties of tied.values()) ties.delete(process);
  forgetProcess(process);
}

function sendDown(to: Pid, ref: number, pid: Pid, reason: ExitReason): void {
  postReason(to.thread, reason, (value, markers) => ["down", to.id, ref, exportPid(pid), value, markers]);
}

/** If a reason cannot be cloned, others must still learn of the exit. */
export function packReason(reason: ExitReason): Packed {
  try {
    return pack(reason);
  } catch (error) {
    return pack(error);
  }
}

/** The same if another process cannot have it. */
export function postReason(
  thread: number,
  reason: ExitReason,
  messageWith: (value: unknown, markers: Packed["markers"]) => Message,
): void {
  const { value, markers } = packReason(reason);
  try {
    post(thread, messageWith(value, markers));
  } catch (error) {
    const told = pack(error);
    post(thread, messageWith(told.value, told.markers));
  }
}

// Messages from other threads

onMessage(
  "exit",
  (
    thread: number,
    id: number,
    from: readonly [number, number] | undefined,
    value: unknown,
    markers: never,
    via: LinkOrNot,
  ) => {
    const process = localProcess(id);
    if (process !== undefined) arrive(from && importPid(from), process, unpack(value, markers) as ExitReason, via);
    if (value === "kill" && via === "sent") killObeyed(thread, id);
  },
);

onMessage("monitor", (thread: number, id: number, fromId: number, ref: number) => {
  const process = localProcess(id);
  if (process !== undefined) watch(process, { pid: importPid([thread, fromId]), ref });
  else post(thread, ["down", fromId, ref, [thisThread, id], "noproc", undefined]);
});

onMessage("demonitor", (thread: number, id: number, ref: number) => {
  localProcess(id)?.extra?.watchers?.delete(watcherKey(thread, ref));
});

onMessage(
  "down",
  (_thread: number, id: number, ref: number, pid: readonly [number, number], value: unknown, markers: never) => {
    const process = localProcess(id);
    if (process !== undefined) down(process, ref, importPid(pid), unpack(value, markers) as ExitReason);
  },
);

// Threads that end

/** Which actors have a link or monitor with an actor of another thread, by that thread. */
const tied: Map<number, Set<Process>> = new Map();

export function tie(process: Process, thread: number): void {
  let ties = tied.get(thread);
  if (ties === undefined) tied.set(thread, (ties = new Set()));
  ties.add(process);
}

onThreadGone((thread, why) => {
  const reason = threadReason(why);
  const ties = tied.get(thread) ?? [];
  tied.delete(thread);
  for (const process of ties) {
    for (const [ref, pid] of process.extra?.monitors ?? []) if (pid.thread === thread) down(process, ref, pid, reason);
    for (const [key, { pid }] of process.extra?.watchers ?? [])
      if (pid.thread === thread) process.extra!.watchers!.delete(key);
    for (const pid of process.extra?.unlinking?.keys() ?? [])
      if (pid.thread === thread) process.extra!.unlinking!.delete(pid);
    for (const pid of process.extra?.links ?? []) if (pid.thread === thread) arrive(pid, process, reason, "link");
  }
});
