/**
 * Which connections subscribe to which channel, and what is published to it (`heddle/shared`). A message is encoded once, and all
 * subscribers get the same bytes. The arbiter never looks into them.
 *
 * Invariants
 * - A channel exists while it has subscribers. Its number is never used again.
 * - A message goes to each subscriber but its publisher, once, in the order in which the arbiter has read them.
 * - What is kept for a subscriber is limited by its own outbox. Nobody else waits for it.
 * - `publish` only adds to outboxes. `flush` writes what was added since the last one: many messages to a subscriber are one write.
 */

import { encodeAnswer, NO_TTL, type Request, STATUS } from "../../../shared/protocol.ts";
import type { Outbox } from "./outbox.ts";

export interface ChannelsReport {
  /** Those that have subscribers. */
  readonly channels: number;
  readonly subscriptions: number;
  readonly published: number;
  /** Handed to the connection of a subscriber, and not handed to it since it does not read. */
  readonly sent: number;
  readonly dropped: number;
}

/** A connection. */
export interface Member {
  readonly outbox: Outbox;
  readonly joined: Map<string, Channel>;
}

interface Channel {
  readonly name: string;
  readonly number: number;
  readonly members: Set<Member>;
}

export const MAX_CHANNELS = 4096;

export class Channels {
  readonly #channels = new Map<string, Channel>();
  #unflushed = new Set<Outbox>();
  #lastNumber = 0;
  #subscriptions = 0;
  #published = 0;
  #sent = 0;
  #dropped = 0;

  get report(): ChannelsReport {
    return {
      channels: this.#channels.size,
      subscriptions: this.#subscriptions,
      published: this.#published,
      sent: this.#sent,
      dropped: this.#dropped,
    };
  }

  /** The channel's number. undefined: it has joined MAX_CHANNELS others. */
  subscribe(member: Member, name: string): number | undefined {
    const channel = member.joined.get(name);
    if (channel !== undefined) return channel.number;
    if (member.joined.size >= MAX_CHANNELS) return undefined;
    const joined = this.#channels.get(name) ?? this.#add(name);
    joined.members.add(member);
    member.joined.set(name, joined);
    this.#subscriptions++;
    return joined.number;
  }

  unsubscribe(member: Member, name: string): void {
    const channel = member.joined.get(name);
    if (channel === undefined) return;
    member.joined.delete(name);
    member.outbox.forget(channel.number);
    channel.members.delete(member);
    this.#subscriptions--;
    if (channel.members.size === 0) this.#channels.delete(name);
  }

  /** The connection has ended. */
  gone(member: Member): void {
    for (const name of member.joined.keys()) this.unsubscribe(member, name);
    this.#unflushed.delete(member.outbox);
  }

  /** How many it was for. */
  publish(from: Member, { namespace, kind, value }: Request): number {
    this.#published++;
    const channel = this.#channels.get(namespace);
    if (channel === undefined) return 0;
    const { members, number } = channel;
    const others = members.size - (members.has(from) ? 1 : 0);
    if (others === 0) return 0;
    const { message: status } = STATUS;
    const frame = encodeAnswer(0, { status, kind, ttlMs: NO_TTL, number: 0, version: number, value });
    for (const member of members) {
      if (member === from) continue;
      if (member.outbox.message(frame, number)) this.#sent++;
      else this.#dropped++;
      this.#unflushed.add(member.outbox);
    }
    return others;
  }

  flush(): void {
    if (this.#unflushed.size === 0) return;
    const unflushed = this.#unflushed;
    this.#unflushed = new Set();
    for (const outbox of unflushed) outbox.flush();
  }

  #add(name: string): Channel {
    const channel: Channel = { name, number: ++this.#lastNumber, members: new Set() };
    this.#channels.set(name, channel);
    return channel;
  }
}
