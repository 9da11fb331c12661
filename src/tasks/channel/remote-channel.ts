/**
 * A stand-in for a channel of another thread. Each operation is a message to the channel's home and an answer. So it waits
 * there, in the same queues as all other operations (channel-home.ts).
 *
 * `length` and the closed flag are read from shared memory that only home writes; they may be out of date. A length fits into
 * its word, because it is that of a queue in memory. When home dies, the words stay as they are.
 */

import type { Transferable } from "node:worker_threads";
import { pack, type Packed } from "../../runtime/copy/message-packing.ts";
import { CLOSED, type ChannelCore, type Received } from "./channel-core.ts";
import { lossOf, type StandIn } from "../homed-objects.ts";
import { ask, NOTHING_READY } from "../remote-requests.ts";
import { OP, type Op, Stream, tell } from "../task-service.ts";
import { transferOf } from "../jobs/transfer.ts";

/** What home sends with a reference. `words`: length, and 1 if closed. */
export interface ChannelFacts {
  readonly capacity: number;
  readonly words: Int32Array<SharedArrayBuffer>;
}

/** The index in answers to receivers: whether there was a value. */
export const VALUE = 1;
export const NO_VALUE = 0;

export class RemoteChannel<T> implements ChannelCore<T> {
  readonly capacity: number;
  readonly reference: StandIn;
  /** The channel of this core. Home keeps its channel while this object is in use, even if only the core is (a select). */
  channel: object | undefined = undefined;
  readonly #words: Int32Array<SharedArrayBuffer>;

  constructor(reference: StandIn, { capacity, words }: ChannelFacts) {
    this.reference = reference;
    this.capacity = capacity;
    this.#words = words;
  }

  get length(): number {
    return Atomics.load(this.#words, 0);
  }

  send(value: T, transfer: readonly Transferable[] = transferOf([value])): Promise<void> {
    return this.#packed(value, transfer, (packed) =>
      this.#ask("send", nothing, (id) => {
        const { home, id: channel } = this.reference;
        if (packed.markers === undefined && transfer.length === 0) return sends.tell(home, channel, id, packed.value);
        return tell(home, [OP.sendPacked, id, channel, packed.value, packed.markers, transfer], transfer);
      }),
    );
  }

  trySend(value: T, transfer: readonly Transferable[] = transferOf([value])): Promise<boolean> {
    return this.#packed(value, transfer, (packed) =>
      this.#ask("send", isDone, (id) =>
        tell(
          this.reference.home,
          [OP.trySend, id, this.reference.id, packed.value, packed.markers, transfer],
          transfer,
        ),
      ),
    );
  }

  receive(): Promise<Received<T>> {
    return this.#ask("receive", received<T>, (id) => this.#tell(OP.receive, id));
  }

  receiveNow(): undefined {}

  tryReceive(): Promise<Received<T> | undefined> {
    return this.#ask("receive", receivedOrNot<T>, (id) => this.#tell(OP.tryReceive, id));
  }

  close(): Promise<void> {
    return this.#ask("close", nothing, (id) => this.#tell(OP.close, id));
  }

  #tell(op: Op, id: number): boolean {
    return tell(this.reference.home, [op, id, this.reference.id]);
  }

  /** Sends a copy of the value, taken now, so the sender may change the value afterwards. */
  #packed<R>(value: T, transfer: readonly Transferable[], send: (packed: Packed) => Promise<R>): Promise<R> {
    try {
      return send(pack(value, transfer));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #ask<R>(where: string, result: (index: number, value: unknown) => R, tellHome: (id: number) => boolean): Promise<R> {
    const loss = lossOf(this.reference, "channel");
    if (loss !== undefined) return Promise.reject(loss);
    return ask({ thread: this.reference.home, what: "channel", where, tell: tellHome, result });
  }
}

/** Consecutive plain values of one channel are sent together. */
const sends = new Stream((channel, id) => [OP.send, channel, id]);

function nothing(): void {}

function isDone(index: number): boolean {
  return index !== NOTHING_READY;
}

function receivedOrNot<T>(index: number, value: unknown): Received<T> | undefined {
  return index === NOTHING_READY ? undefined : received<T>(index, value);
}

export function received<T>(index: number, value: unknown): Received<T> {
  return index === VALUE ? { value: value as T, ok: true } : CLOSED;
}
