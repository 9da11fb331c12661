/**
 * Rooms: a message for all sockets whose actors are in a group, on all threads.
 *
 *   publish ──▶ one message to the relay of each other thread that has sockets ─▶ the sockets of that thread
 *        └────▶ the sockets of this thread
 *
 * A relay is an actor, in a group of all relays. So messages reach what groups reach. On each thread the frame is built once, and the
 * same bytes are written to each socket: no actor has a turn for it, and no mailbox fills.
 *
 * What a relay has not read waits: for a thread of another worker in the link to it, for one of this worker in its port. Both have the
 * same limit. The relay says what it has read (`roomsRead`).
 *
 * Rejected: `groups.publish`, which gives each actor its own copy and a turn, to do the same with it.
 */

import { groups, isPid, spawn, type Pid, type Self } from "../../../actors/index.ts";
import { MAX_UNSENT_BYTES } from "../../../actors/across/far-link.ts";
import { isHere } from "../../../actors/across/own-worker.ts";
import {
  flush,
  ifThreadGone,
  isLinkFull,
  mayHaveActors,
  onMessage,
  onThreadGone,
  post,
  thisThread,
} from "../../../actors/messaging/remote.ts";
import { sendTo } from "../../../actors/messaging/sending.ts";
import { currentMembers, membersAtRoot } from "../../../actors/registry/groups.ts";
import { publishBy, type PublishOptions } from "../publish.ts";
import { dataFrame, type SocketData } from "../wire/frames.ts";
import { SocketProcess } from "./socket-process.ts";

const RELAYS = "heddle:sockets";

/**
 * A message to another thread leaves at the end of this turn of the loop. In a large room that is after as many writes as it has sockets
 * here (8 µs each), so it leaves after so many. In a small room several messages of one turn leave together.
 */
const WRITES_BEFORE_FLUSH = 32;

/** Between relays. */
interface Publication {
  readonly group: string;
  readonly data: SocketData;
  readonly except: Pid | undefined;
  readonly whenSlow: "drop" | "close";
  /** The thread that waits to hear that it was read. */
  readonly from?: number;
  /** By group: what was published before and did not get through. */
  readonly missed?: ReadonlyMap<string, Missed>;
}

/** A message costs more than its bytes. */
const EACH_BYTES = 128;
/** A relay tells of so much at once. */
const READ_BYTES = MAX_UNSENT_BYTES / 16;

/** Publications of a group that a thread has not got. */
export interface Missed {
  /** How many with `whenSlow: "drop"`. */
  dropped: number;
  /** Whether one was to close who misses it. */
  closes: boolean;
}

let relay: Pid | undefined;

/**
 * What was not sent to a relay, because too much waited on the way there: its worker stands still. The next publication that is sent
 * tells it, so that the sockets that have missed something are counted or closed. Only of groups with members.
 */
const missed = new Map<Pid, Map<string, Missed>>();

/** Relays of which this thread has not heard by their own threads yet. */
const early = new Set<Pid>();

/** From now on the sockets of this thread get what others publish. */
export async function joinRooms(): Promise<void> {
  if (relay !== undefined) return;
  relay = await spawn(relayAll);
  await groups.join(RELAYS, relay);
  await learnRooms();
}

/** From now on what this thread publishes reaches all others. One that has just begun would know of none. */
export async function learnRooms(): Promise<void> {
  await learn();
  publishBy(mayHaveActors(thisThread) ? publishEverywhere : askAndPublish);
}

async function learn(): Promise<void> {
  const relays = await membersAtRoot(RELAYS);
  early.clear();
  for (const pid of relays) early.add(pid);
}

/** A blocking thread is not told who joins groups. It gets its answers in their order. */
function askAndPublish(group: string, data: SocketData, options: PublishOptions): void {
  void learn().then(() => publishEverywhere(group, data, options), ifThreadGone);
}

/** By thread of this worker: what is on the way to its relay. */
const onTheWay = new Map<number, number>();
/** By thread of this worker: what this one's relay has read of it, and has not told yet. */
const untold = new Map<number, number>();

onMessage("roomsRead", (thread: number, bytes: number) => {
  onTheWay.set(thread, Math.max(0, (onTheWay.get(thread) ?? 0) - bytes));
});

onThreadGone((thread) => {
  onTheWay.delete(thread);
  untold.delete(thread);
  for (const pid of early) if (pid.thread === thread) early.delete(pid);
  for (const pid of missed.keys()) if (pid.thread === thread) missed.delete(pid);
});

async function relayAll(self: Self): Promise<void> {
  for (;;) {
    const message: unknown = await self.receive();
    if (!isPublication(message)) continue;
    if (message.missed !== undefined) missHere(message.missed);
    publishHere(message);
    if (message.from !== undefined) tellRead(message.from, bytesOnTheWay(message));
  }
}

function tellRead(thread: number, bytes: number): void {
  const read = (untold.get(thread) ?? 0) + bytes;
  untold.set(thread, read < READ_BYTES ? read : 0);
  // It may have ended.
  if (read >= READ_BYTES && !post(thread, ["roomsRead", read])) untold.delete(thread);
}

function bytesOnTheWay({ data }: Publication): number {
  return EACH_BYTES + (typeof data === "string" ? data.length : data.byteLength);
}

/** Any actor may send to this one. */
function isPublication(message: unknown): message is Publication {
  return typeof message === "object" && message !== null && "group" in message && "data" in message;
}

function missHere(missedHere: ReadonlyMap<string, Missed>): void {
  for (const [group, what] of missedHere) {
    for (const pid of currentMembers(group)) if (pid instanceof SocketProcess) pid.missed(what);
  }
}

function publishHere({ group, data, except, whenSlow }: Publication): void {
  let frame: Buffer | undefined;
  let writes = 0;
  for (const pid of currentMembers(group)) {
    if (!(pid instanceof SocketProcess) || pid === except) continue;
    pid.publish(data, (frame ??= dataFrame(data)), whenSlow);
    if (++writes === WRITES_BEFORE_FLUSH) flush();
  }
}

function publishEverywhere(group: string, data: SocketData, { except, whenSlow = "drop" }: PublishOptions): void {
  const publication: Publication = { group, data, except: isPid(except) ? except : undefined, whenSlow };
  // The others first: their threads and this one write at the same time.
  for (const pid of currentMembers(RELAYS)) {
    early.delete(pid);
    if (pid !== relay) tell(pid, publication);
  }
  for (const pid of early) if (pid !== relay) tell(pid, publication);
  publishHere(publication);
}

function tell(pid: Pid, publication: Publication): void {
  const { thread } = pid;
  const isOwn = isHere(thread);
  const waits = onTheWay.get(thread) ?? 0;
  if (isOwn ? waits > MAX_UNSENT_BYTES : isLinkFull(thread)) return note(pid, publication);
  const missedThere = missed.get(pid);
  missed.delete(pid);
  if (isOwn) onTheWay.set(thread, waits + bytesOnTheWay(publication));
  const more = { ...(missedThere && { missed: missedThere }), ...(isOwn && { from: thisThread }) };
  sendTo(pid, { ...publication, ...more }, "drop");
}

function note(pid: Pid, { group, whenSlow }: Publication): void {
  const [member] = currentMembers(group);
  if (member === undefined) return;
  let byGroup = missed.get(pid);
  if (byGroup === undefined) missed.set(pid, (byGroup = new Map()));
  let what = byGroup.get(group);
  if (what === undefined) byGroup.set(group, (what = { dropped: 0, closes: false }));
  if (whenSlow === "close") what.closes = true;
  else what.dropped++;
}
