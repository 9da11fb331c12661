/**
 * A channel's home, for the operations of other threads. Each operation becomes a waiter in the channel's queues, and its
 * answer is a message. When a thread ends, its waiters leave the queues.
 */

import type { Transferable } from "node:worker_threads";
import { unpack } from "../../runtime/copy/message-packing.ts";
import { Channel, coreOf, isNil } from "./channel.ts";
import type { Received } from "./channel-core.ts";
import { FarReceiver } from "./far-receiver.ts";
import { homedAt, registerHomed } from "../homed-objects.ts";
import type { LocalChannel } from "./local-channel.ts";
import { rememberMoves } from "./moves.ts";
import { type ChannelFacts, NO_VALUE, RemoteChannel, VALUE } from "./remote-channel.ts";
import { NOTHING_READY } from "../remote-requests.ts";
import { handle, onThreadGone, OP, Stream, tell } from "../task-service.ts";
import { Waiter } from "../waiter.ts";
import { packThrown } from "../wire-thrown.ts";

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

export function channelAt(id: unknown): LocalChannel<unknown> {
  return coreOf(homedAt(id as number) as Channel<unknown>) as LocalChannel<unknown>;
}

export function answerSent(to: number, id: number, index: number): void {
  tell(to, [OP.answer, id, index]);
}

/** `index`: VALUE or NO_VALUE, or the case of a select. */
export function answerReceived(
  to: number,
  id: number,
  receiver: FarReceiver,
  received: Received<unknown>,
  index: number = received.ok ? VALUE : NO_VALUE,
): void {
  try {
    const { value, markers, transfer } = receiver.packed(received);
    tell(to, [OP.answer, id, index, value, markers], transfer);
  } catch (error) {
    refuse(to, id, error);
  }
}

function refuse(to: number, id: number, error: unknown): void {
  tell(to, [OP.refusal, id, packThrown(error)]);
}

/** Does what the other thread asked for. If it throws, sends the error. */
export function attempt(from: number, id: unknown, act: () => void): void {
  try {
    act();
  } catch (error) {
    refuse(from, id as number, error);
  }
}

/** Lets a waiter of another thread wait. `told`: it was woken, and no waiter of its operation waits any more. */
export function enqueue(
  from: number,
  id: number,
  waiter: Waiter,
  queue: { add(waiter: Waiter): void },
  told: (result: unknown) => void,
): void {
  const mine = waiting.get(from) ?? new Map<number, Waiter[]>();
  waiting.set(from, mine);
  const all = mine.get(id) ?? [];
  mine.set(id, all);
  all.push(waiter);
  waiter.told = (result, error) => {
    withdraw(from, id, waiter);
    if (error === undefined) told(result);
    else refuse(from, id, error);
  };
  queue.add(waiter);
}

/** `woken`: the one that was woken, if one was. */
function withdraw(from: number, id: number, woken?: Waiter): void {
  const mine = waiting.get(from);
  for (const waiter of mine?.get(id) ?? []) {
    waiter.queue?.remove(waiter);
    if (waiter !== woken && waiter instanceof FarReceiver) waiter.forget();
  }
  mine?.delete(id);
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
    const waiter = new Waiter();
    waiter.value = value;
    enqueue(from, id, waiter, channel.senders, () => acknowledge(from, id));
  } catch (error) {
    refuse(from, id, error);
  }
}

/** The value that was sent, with its transfer list: it may go on to another thread. */
function arrived(value: unknown, markers: unknown, transfer: unknown): unknown {
  const meant = unpack(value, markers as never);
  const list = transfer as readonly Transferable[];
  if (list.length > 0) rememberMoves(meant, list);
  return meant;
}

handle(OP.send, (from, [channelId, firstId, ...values]) => {
  const channel = channelAt(channelId);
  for (const [index, value] of values.entries()) send(from, (firstId as number) + index, channel, value);
});

handle(OP.sendPacked, (from, [id, channelId, value, markers, transfer]) =>
  attempt(from, id, () => send(from, id as number, channelAt(channelId), arrived(value, markers, transfer))),
);

handle(OP.trySend, (from, [id, channelId, value, markers, transfer]) =>
  attempt(from, id, () => {
    const sent = channelAt(channelId).attemptSend(arrived(value, markers, transfer), undefined) === "done";
    answerSent(from, id as number, sent ? VALUE : NOTHING_READY);
  }),
);

handle(OP.receive, (from, [id, channelId]) =>
  attempt(from, id, () => {
    const channel = channelAt(channelId);
    const receiver = new FarReceiver(false);
    const answer = (received: unknown): void =>
      answerReceived(from, id as number, receiver, received as Received<unknown>);
    if (channel.attemptReceive(undefined, receiver) === "done") answer(channel.taken);
    else enqueue(from, id as number, receiver, channel.receivers, answer);
  }),
);

handle(OP.tryReceive, (from, [id, channelId]) =>
  attempt(from, id, () => {
    const channel = channelAt(channelId);
    const receiver = new FarReceiver(false);
    if (channel.attemptReceive(undefined, receiver) === "done")
      answerReceived(from, id as number, receiver, channel.taken);
    else answerSent(from, id as number, NOTHING_READY);
  }),
);

handle(OP.close, (from, [id, channelId]) =>
  attempt(from, id, () => {
    channelAt(channelId).close();
    answerSent(from, id as number, VALUE);
  }),
);

handle(OP.withdraw, (from, [id]) => withdraw(from, id as number));

onThreadGone((thread) => {
  for (const id of waiting.get(thread)?.keys() ?? []) withdraw(thread, id);
  waiting.delete(thread);
});
