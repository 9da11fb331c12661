/**
 * A channel's home, for the operations of other threads. Each operation becomes a waiter in the channel's queues, and its
 * answer is a message. When a thread ends, its waiters leave the queues.
 */

import { packThrown } from "../../errors/errors.ts";
import { pack, unpack } from "../../runtime/copy/message-packing.ts";
import { Channel, coreOf, isNil } from "./channel.ts";
import type { Received } from "./channel-core.ts";
import type { ClaimAddress } from "../select/claims.ts";
import { claimAt, forgetClaims, learnClaims } from "../select/claim-table.ts";
import { homedAt, registerHomed } from "../homed-objects.ts";
import { type Attempt, type LocalChannel, movesOf } from "./local-channel.ts";
import { type ChannelFacts, NO_VALUE, RemoteChannel, VALUE } from "./remote-channel.ts";
import { NOTHING_READY } from "../remote-requests.ts";
import { Selection } from "../select/selection.ts";
import { handle, onThreadGone, OP, Stream, tell } from "../task-service.ts";
import { Waiter } from "../waiter.ts";

/** A case of a select as it is sent. `index` is its place in the select. */
export type WireCase =
  | readonly [index: number, channel: number, direction: "receive"]
  | readonly [index: number, channel: number, direction: "send", value: unknown, markers: unknown];

/** The waiters of one operation. A select has several. */
const waiting = new Map<number, Map<number, Waiter[]>>();

registerHomed<Channel<never>>({
  tag: "channel",
  prototypes: [Channel.prototype],
  isConstant: isNil,
  facts: (channel) => (isNil(channel) ? undefined : factsOf(coreOf(channel) as LocalChannel<never>)),
  // The nil channel is the same everywhere.
  standIn: (reference, facts) => {
    if (facts === undefined) return Channel.nil;
    const core = new RemoteChannel<never>(reference, facts as ChannelFacts);
    const channel = new Channel(0, core);
    core.channel = channel;
    return channel;
  },
});

function factsOf(core: LocalChannel<never>): ChannelFacts {
  let words = shared.get(core);
  if (words === undefined) {
    words = new Int32Array(new SharedArrayBuffer(8));
    shared.set(core, words);
    const told = words;
    core.watch = (length, isClosed) => {
      Atomics.store(told, 0, length);
      Atomics.store(told, 1, isClosed ? 1 : 0);
    };
    core.watch(core.length, core.isClosed);
  }
  return { capacity: core.capacity, words };
}

const shared = new WeakMap<LocalChannel<never>, Int32Array<SharedArrayBuffer>>();

function channelAt(id: unknown): LocalChannel<unknown> {
  return coreOf(homedAt(id as number) as Channel<unknown>) as LocalChannel<unknown>;
}

function answerSent(to: number, id: number, index: number): void {
  tell(to, [OP.answer, id, index]);
}

/** `index`: VALUE or NO_VALUE, or the case of a select, whose value then also contains `ok`. */
function answerReceived(to: number, id: number, { value, ok }: Received<unknown>, index?: number): void {
  try {
    const transfer = movesOf(value);
    const packed = pack(index === undefined ? value : [value, ok], transfer);
    tell(to, [OP.answer, id, index ?? (ok ? VALUE : NO_VALUE), packed.value, packed.markers], transfer);
  } catch (error) {
    refuse(to, id, error);
  }
}

function refuse(to: number, id: number, error: unknown): void {
  tell(to, [OP.refusal, id, packThrown(error)]);
}

/** Does what the other thread asked for. If it throws, sends the error. */
function attempt(from: number, id: unknown, act: () => void): void {
  try {
    act();
  } catch (error) {
    refuse(from, id as number, error);
  }
}

function enqueue(from: number, id: number, waiter: Waiter, channel: LocalChannel<unknown>, isSend: boolean): void {
  const mine = waiting.get(from) ?? new Map<number, Waiter[]>();
  waiting.set(from, mine);
  const all = mine.get(id) ?? [];
  mine.set(id, all);
  all.push(waiter);
  (isSend ? channel.senders : channel.receivers).add(waiter);
}

function withdraw(from: number, id: number): void {
  const mine = waiting.get(from);
  for (const waiter of mine?.get(id) ?? []) waiter.queue?.remove(waiter);
  mine?.delete(id);
}

function newWaiter(from: number, id: number, told: (result: unknown) => void, index?: number): Waiter {
  const waiter = new Waiter();
  waiter.index = index ?? 0;
  waiter.told = (result, error) => {
    withdraw(from, id);
    if (error === undefined) told(result);
    else refuse(from, id, error);
  };
  return waiter;
}

/** Sends that are done are acknowledged together. */
const sent = new Stream(() => [OP.sent]);
let acknowledged = 0;

function acknowledge(to: number, id: number): void {
  sent.tell(to, 0, ++acknowledged, id);
}

function send(from: number, id: number, channel: LocalChannel<unknown>, value: unknown): void {
  try {
    if (channel.attemptSend(value, undefined) === "done") return acknowledge(from, id);
    const waiter = newWaiter(from, id, () => acknowledge(from, id));
    waiter.value = value;
    enqueue(from, id, waiter, channel, true);
  } catch (error) {
    refuse(from, id, error);
  }
}

handle(OP.send, (from, [channelId, firstId, ...values]) => {
  const channel = channelAt(channelId);
  for (const [index, value] of values.entries()) send(from, (firstId as number) + index, channel, value);
});

handle(OP.sendPacked, (from, [id, channelId, value, markers]) =>
  attempt(from, id, () => send(from, id as number, channelAt(channelId), unpack(value, markers as never))),
);

handle(OP.trySend, (from, [id, channelId, value, markers]) =>
  attempt(from, id, () => {
    const sent = channelAt(channelId).attemptSend(unpack(value, markers as never), undefined) === "done";
    answerSent(from, id as number, sent ? VALUE : NOTHING_READY);
  }),
);

handle(OP.receive, (from, [id, channelId]) => {
  const channel = channelAt(channelId);
  if (channel.attemptReceive(undefined) === "done") return answerReceived(from, id as number, channel.taken);
  const told = (result: unknown): void => answerReceived(from, id as number, result as Received<unknown>);
  enqueue(from, id as number, newWaiter(from, id as number, told), channel, false);
});

handle(OP.tryReceive, (from, [id, channelId]) => {
  const channel = channelAt(channelId);
  if (channel.attemptReceive(undefined) === "done") answerReceived(from, id as number, channel.taken);
  else answerSent(from, id as number, NOTHING_READY);
});

handle(OP.close, (from, [id, channelId]) =>
  attempt(from, id, () => {
    channelAt(channelId).close();
    answerSent(from, id as number, VALUE);
  }),
);

handle(OP.poll, (from, [id, ...cases]) =>
  attempt(from, id, () => {
    for (const wire of cases as WireCase[]) {
      if (tryCase(from, id as number, wire, undefined) === "done") return;
    }
    answerSent(from, id as number, NOTHING_READY);
  }),
);

handle(OP.offer, (from, [id, address, ...cases]) =>
  attempt(from, id, () => {
    const selection = new Selection(claimAt(address as ClaimAddress));
    for (const wire of cases as WireCase[]) {
      // "lost": another thread has executed a case meanwhile, and has reported it.
      if (tryCase(from, id as number, wire, selection) !== "would wait") return;
    }
    for (const wire of cases as WireCase[]) enqueueCase(from, id as number, wire, selection);
  }),
);

function tryCase(from: number, id: number, wire: WireCase, selection: Selection | undefined): Attempt {
  const channel = channelAt(wire[1]);
  if (wire[2] === "receive") {
    const outcome = channel.attemptReceive(selection);
    if (outcome === "done") answerReceived(from, id, channel.taken, wire[0]);
    return outcome;
  }
  const outcome = channel.attemptSend(unpackOnce(wire), selection);
  if (outcome === "done") answerSent(from, id, wire[0]);
  return outcome;
}

function enqueueCase(from: number, id: number, wire: WireCase, selection: Selection): void {
  const isSend = wire[2] === "send";
  const waiter = newWaiter(
    from,
    id,
    (result) => {
      if (isSend) answerSent(from, id, wire[0]);
      else answerReceived(from, id, result as Received<unknown>, wire[0]);
    },
    wire[0],
  );
  waiter.selection = selection;
  if (isSend) waiter.value = unpackOnce(wire);
  enqueue(from, id, waiter, channelAt(wire[1]), isSend);
}

const unpacked = new WeakMap<WireCase, unknown>();

/** References can be unpacked only once. */
function unpackOnce(wire: WireCase): unknown {
  if (wire[2] !== "send" || wire[4] === undefined) return wire[3];
  if (!unpacked.has(wire)) unpacked.set(wire, unpack(wire[3], wire[4] as never));
  return unpacked.get(wire);
}

handle(OP.withdraw, (from, [id]) => withdraw(from, id as number));
handle(OP.claims, (from, [buffer]) => learnClaims(from, buffer as SharedArrayBuffer));

onThreadGone((thread) => {
  for (const id of waiting.get(thread)?.keys() ?? []) withdraw(thread, id);
  waiting.delete(thread);
  forgetClaims(thread);
});
