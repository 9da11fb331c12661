/**
 * A stand-in for a channel of another thread. Each operation is a message to the channel's home and an answer, so it waits
 * there, in the same queues as everybody else (remote-offers.ts).
 *
 * `length` and whether the channel is closed are read from shared memory that home writes, and may be out of date.
 */

import type { Transferable } from "node:worker_threads";
import { pack } from "../fabric/packing.ts";
import { CLOSED, type ChannelCore, type Received } from "./channel-core.ts";
import { lossOf, type StandIn } from "./homed.ts";
import { NOTHING_READY, request } from "./requests.ts";
import { OP, type Op, type Message } from "./service.ts";
import { transferOf } from "./transfer.ts";
import { parkWith } from "./waiter.ts";

/** What home tells with a reference. `words`: length, and 1 if closed. */
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
  /** The channel it is behind: home keeps its channel while this object is in use, also where only the core is (a select). */
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
    return this.#sending(OP.send, value, transfer, () => undefined);
  }

  trySend(value: T, transfer: readonly Transferable[] = transferOf([value])): Promise<boolean> {
    return this.#sending(OP.trySend, value, transfer, (index) => index !== NOTHING_READY);
  }

  receive(): Promise<Received<T>> {
    return this.#asking("receive", OP.receive, received<T>);
  }

  tryReceive(): Promise<Received<T> | undefined> {
    return this.#asking("receive", OP.tryReceive, (index, value) =>
      index === NOTHING_READY ? undefined : received<T>(index, value),
    );
  }

  close(): Promise<void> {
    return this.#asking("close", OP.close, () => undefined);
  }

  #asking<R>(where: string, op: Op, then: (index: number, value: unknown) => R): Promise<R> {
    return this.#request(where, (id) => [op, id, this.reference.id], then);
  }

  async #sending<R>(op: Op, value: T, transfer: readonly Transferable[], then: (index: number) => R): Promise<R> {
    // A copy, taken now: what the sender changes afterwards is its own.
    const packed = pack(value, transfer);
    return this.#request("send", (id) => [op, id, this.reference.id, packed.value, packed.markers], then, transfer);
  }

  #request<R>(
    where: string,
    message: (id: number) => Message,
    then: (index: number, value: unknown) => R,
    transfer?: readonly Transferable[],
  ): Promise<R> {
    const loss = lossOf(this.reference, "channel");
    if (loss !== undefined) return Promise.reject(loss);
    return parkWith<R>(where, (waiter) => {
      request(this.reference.home, "channel", message, then, transfer).then(
        (result) => waiter.wake(result),
        (error: unknown) => waiter.fail(error),
      );
    });
  }
}

export function received<T>(index: number, value: unknown): Received<T> {
  return index === VALUE ? { value: value as T, ok: true } : CLOSED;
}
