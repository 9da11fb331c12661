/**
 * What this thread subscribes to at the arbiter, over whichever connection it has.
 *
 *   unknown → joining → joined → (connection breaks) → joining again → joined, with a gap
 *
 * Invariants
 * - One subscription at the arbiter for each channel, however many the thread has. Each of them gets each message.
 * - A channel's number belongs to a connection. A message with a number that is not known here is for one who has left.
 * - If there is no connection to be had, a channel that is joined for the first time is given up: whoever asked is told. If the
 *   connection breaks, all channels are joined again by the next one. Who had joined is told of the gap once messages arrive again.
 */

import { count } from "../../errors/count.ts";
import { HeddleError } from "../../errors/errors.ts";
import type { Waiting } from "../link.ts";
import { type Answer, KIND, NO_TTL, NOTHING, OP, type Request, STATUS } from "../protocol.ts";
import type { Packed } from "../values.ts";

/** One subscription. */
export interface Sink {
  /** The bytes are valid during the call. */
  message(packed: Packed): void;
  /** This many messages were lost, or nobody knows how many. */
  gap(lost: number | undefined): void;
}

export interface Joined {
  /** @throws HeddleError SHARED_UNAVAILABLE, SHARED_BUSY: the subscription is none */
  readonly ready: Promise<void>;
  leave(): void;
}

/** `tell` does nothing without a connection. `open` calls `joinAgain` if it makes one. */
interface Way {
  open(): void;
  ask(request: Request, waiting: Waiting): void;
  tell(request: Request): void;
}

interface Membership {
  readonly channel: string;
  readonly sinks: Set<Sink>;
  readonly ready: PromiseWithResolvers<void>;
  wasJoined: boolean;
}

export class Subscriptions {
  readonly #way: Way;
  readonly #memberships = new Map<string, Membership>();
  readonly #byNumber = new Map<number, Membership>();

  constructor(way: Way) {
    this.#way = way;
  }

  /** Whether somebody waits for a first answer. */
  get isDue(): boolean {
    return this.#memberships.values().some(({ wasJoined }) => !wasJoined);
  }

  get isEmpty(): boolean {
    return this.#memberships.size === 0;
  }

  join(channel: string, sink: Sink): Joined {
    const membership = this.#memberships.get(channel) ?? this.#begin(channel);
    membership.sinks.add(sink);
    return { ready: membership.ready.promise, leave: () => this.#leave(membership, sink) };
  }

  told({ status, kind, number, version, value }: Answer): void {
    const membership = this.#byNumber.get(version);
    if (membership === undefined) return;
    // A sink that is added meanwhile comes too late for this message.
    const sinks = Array.from(membership.sinks);
    for (const sink of sinks) {
      if (!membership.sinks.has(sink)) continue;
      if (status === STATUS.gap) sink.gap(number);
      else sink.message({ kind, bytes: value });
    }
  }

  /** The connection has ended, and all who waited for an answer have been told. */
  closed(): void {
    this.#byNumber.clear();
  }

  /** There is a new connection. */
  joinAgain(way: Pick<Way, "ask">): void {
    for (const membership of this.#memberships.values()) this.#ask(way, membership);
  }

  #begin(channel: string): Membership {
    const membership: Membership = {
      channel,
      sinks: new Set(),
      ready: Promise.withResolvers<void>(),
      wasJoined: false,
    };
    this.#way.open();
    this.#memberships.set(channel, membership);
    this.#ask(this.#way, membership);
    return membership;
  }

  #ask(way: Pick<Way, "ask">, membership: Membership): void {
    way.ask(requestOf(OP.subscribe, membership.channel), {
      isDue: !membership.wasJoined,
      resolve: (answer) => this.#joined(membership, answer),
      reject: (error) => {
        // Joining twice does no harm, so the next connection does it.
        if (!membership.wasJoined && error.code !== "SHARED_INTERRUPTED") this.#giveUp(membership, error);
      },
    });
  }

  #joined(membership: Membership, answer: Answer): void {
    if (answer.status === STATUS.tooMany) return this.#giveUp(membership, tooMany(answer.number));
    if (this.#memberships.get(membership.channel) !== membership) return membership.ready.resolve();
    this.#byNumber.set(answer.number, membership);
    const missed = membership.wasJoined ? Array.from(membership.sinks) : [];
    for (const sink of missed) sink.gap(undefined);
    membership.wasJoined = true;
    membership.ready.resolve();
  }

  #giveUp(membership: Membership, error: HeddleError): void {
    this.#forget(membership);
    membership.ready.reject(error);
  }

  #leave(membership: Membership, sink: Sink): void {
    const { channel, sinks } = membership;
    if (!sinks.delete(sink) || sinks.size > 0 || this.#memberships.get(channel) !== membership) return;
    this.#forget(membership);
    this.#way.tell(requestOf(OP.unsubscribe, channel));
  }

  #forget(membership: Membership): void {
    if (this.#memberships.get(membership.channel) === membership) this.#memberships.delete(membership.channel);
    for (const [number, each] of this.#byNumber) if (each === membership) this.#byNumber.delete(number);
  }
}

function requestOf(op: number, channel: string): Request {
  return { op, kind: KIND.none, namespace: channel, key: "", ttlMs: NO_TTL, number: 0, value: NOTHING };
}

function tooMany(limit: number): HeddleError {
  return new HeddleError(
    "SHARED_BUSY",
    `a thread may subscribe to ${count(limit, "channel")} at once, and this was one more.`,
    {
      hint: "Close subscriptions that are over, or put several subjects in one channel.",
    },
  );
}
