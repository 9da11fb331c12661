/** The cases of other threads' selects, at the home of their channels: see select-across.ts. */

import type { Received } from "../channel/channel-core.ts";
import { answerReceived, answerSent, attempt, channelAt, enqueue } from "../channel/channel-home.ts";
import { FarReceiver } from "../channel/far-receiver.ts";
import type { Attempt, LocalChannel } from "../channel/local-channel.ts";
import { unpack } from "../../runtime/copy/message-packing.ts";
import type { Marker } from "../../runtime/copy/deep-copy.ts";
import { NOTHING_READY } from "../remote-requests.ts";
import { handle, onThreadGone, OP, tell } from "../task-service.ts";
import { Waiter } from "../waiter.ts";
import type { ClaimAddress } from "./claims.ts";
import { claimAt, forgetClaims, learnClaims } from "./claim-table.ts";
import { isReady } from "./readiness.ts";
import { Selection } from "./selection.ts";

/** A case of a select as it is sent. `index` is its place in the select. */
export type WireCase =
  | readonly [index: number, channel: number, direction: "receive"]
  | readonly [
      index: number,
      channel: number,
      direction: "send",
      value: unknown,
      markers: readonly Marker[] | undefined,
    ];

interface FarCase {
  readonly index: number;
  readonly channel: LocalChannel<unknown>;
  readonly direction: "receive" | "send";
  readonly value: unknown;
}

/** All of them are unpacked, and once: otherwise their references would never go back home. */
function fromWire(wires: readonly unknown[]): FarCase[] {
  return (wires as WireCase[]).map(([index, channel, direction, value, markers]) => ({
    index,
    channel: channelAt(channel),
    direction,
    value: unpack(value, markers),
  }));
}

function tryCase(from: number, id: number, each: FarCase, selection: Selection | undefined): Attempt {
  const { channel, index } = each;
  if (each.direction === "receive") {
    const receiver = new FarReceiver(true);
    const outcome = channel.attemptReceive(selection, receiver);
    if (outcome === "done") answerReceived(from, id, receiver, channel.taken, index);
    else receiver.forget();
    return outcome;
  }
  const outcome = channel.attemptSend(each.value, selection);
  if (outcome === "done") answerSent(from, id, index);
  return outcome;
}

function wait(from: number, id: number, { index, channel, direction, value }: FarCase, selection: Selection): void {
  if (direction === "send") {
    const waiter = new Waiter();
    waiter.selection = selection;
    waiter.value = value;
    enqueue(from, id, waiter, channel.senders, () => answerSent(from, id, index));
    return;
  }
  const receiver = new FarReceiver(true);
  receiver.selection = selection;
  enqueue(from, id, receiver, channel.receivers, (received) =>
    answerReceived(from, id, receiver, received as Received<unknown>, index),
  );
}

handle(OP.look, (from, [id, ...wires]) =>
  attempt(from, id, () => {
    const ready = (wires as WireCase[]).filter(([, channel, direction]) => isReady(channelAt(channel), direction));
    tell(from, [OP.answer, id, 0, ready.map(([index]) => index)]);
  }),
);

handle(OP.poll, (from, [id, ...wires]) =>
  attempt(from, id, () => {
    for (const each of fromWire(wires)) if (tryCase(from, id as number, each, undefined) === "done") return;
    answerSent(from, id as number, NOTHING_READY);
  }),
);

handle(OP.offer, (from, [id, address, confirms, ...wires]) =>
  attempt(from, id, () => {
    const selection = new Selection(claimAt(address as ClaimAddress));
    const cases = fromWire(wires);
    // "lost": another thread has executed a case meanwhile, and has reported it.
    for (const each of cases) if (tryCase(from, id as number, each, selection) !== "would wait") return;
    for (const each of cases) wait(from, id as number, each, selection);
    if (confirms === true) tell(from, [OP.waits, id]);
  }),
);

handle(OP.claims, (from, [buffer]) => learnClaims(from, buffer as SharedArrayBuffer));

onThreadGone(forgetClaims);
