/**
 * Go's channels: a queue of values between tasks, of a fixed capacity, on which both sides wait. A channel lives on the thread
 * that made it, where its operations cost no message. Sent to another thread, it arrives as a stand-in for the same channel,
 * with the same order, the same backpressure and the same end.
 *
 * Within a thread a value is passed as it is. To another thread it is copied, or transferred if listed.
 */

import type { Transferable } from "node:worker_threads";
import { HeddleError } from "../../errors/errors.ts";
import { type ChannelCore, closeOfNil, type Maybe, type Received } from "./channel-core.ts";
import type { Context } from "../context/context.ts";
import type { ReceiveOnly, SendOnly } from "./directions.ts";
import { Iteration } from "./iteration.ts";
import { LocalChannel } from "./local-channel.ts";
import { underContext } from "./under-context.ts";
import { parkWith } from "../waiter.ts";

export type { Maybe, Received } from "./channel-core.ts";

/** For the library: the core behind a channel. */
export let coreOf: <T>(channel: Channel<T>) => ChannelCore<T>;

export class Channel<T> implements ReceiveOnly<T>, SendOnly<T> {
  readonly #core: ChannelCore<T>;

  /**
   * @param capacity How many values it holds that were not received yet. 0: `send` waits until a receiver has taken the value.
   * @param core For the library.
   * @throws HeddleError CHANNEL_CAPACITY
   */
  constructor(capacity: number = 0, core: ChannelCore<T> = new LocalChannel<T>(checked(capacity))) {
    this.#core = core;
  }

  /** A channel on which every operation waits for ever, and that no select chooses: it switches a case off. */
  static get nil(): Channel<never> {
    return nil;
  }

  get capacity(): number {
    return this.#core.capacity;
  }

  /** Values in the buffer. On another thread it may be out of date. */
  get length(): number {
    return this.#core.length;
  }

  /**
   * Settles when the value is in the buffer or has been taken. `transfer`: objects that are moved rather than copied if the
   * channel is on another thread. With a context it gives up when that is cancelled: then the value was not sent.
   *
   * @throws HeddleError CHANNEL_CLOSED, CHANNEL_LOST, NOT_CLONEABLE; the context's error: CANCELED or DEADLINE_EXCEEDED
   */
  send(value: T, context?: Context): Promise<void>;
  send(value: T, transfer: readonly Transferable[] | undefined, context?: Context): Promise<void>;
  send(value: T, second?: Context | readonly Transferable[], context?: Context): Promise<void> {
    if (second === undefined && context === undefined) return this.#core.send(value, undefined);
    const [transfer, until] = isList(second) ? [second, context] : [undefined, context ?? second];
    return until === undefined ? this.#core.send(value, transfer) : underContext.send(this, value, transfer, until);
  }

  /**
   * The next value. `ok` is false when the channel is closed and all of its values were received. With a context it gives up when
   * that is cancelled: then no value was taken.
   *
   * @throws HeddleError CHANNEL_LOST; the context's error: CANCELED or DEADLINE_EXCEEDED
   */
  receive(context?: Context): Promise<Received<T>> {
    return context === undefined ? this.#core.receive() : underContext.receive<T>(this, context);
  }

  /**
   * Sends if that needs no waiting, and returns whether it did. On the channel's own thread it returns the answer itself, on
   * another thread a promise.
   *
   * @throws HeddleError CHANNEL_CLOSED, CHANNEL_LOST, NOT_CLONEABLE
   */
  trySend(value: T, transfer?: readonly Transferable[]): Maybe<boolean> {
    return this.#core.trySend(value, transfer);
  }

  /** Receives if that needs no waiting. undefined: nothing is there. On another thread it returns a promise. */
  tryReceive(): Maybe<Received<T> | undefined> {
    return this.#core.tryReceive();
  }

  /**
   * Closes it for sending. Values in the buffer can still be received. On another thread it returns a promise.
   *
   * @throws HeddleError CHANNEL_CLOSED if it is closed already, CHANNEL_NIL
   */
  close(): Maybe<void> {
    return this.#core.close();
  }

  /** Iterates over the values until the channel is closed and empty. */
  [Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    return new Iteration(this.#core);
  }

  static {
    coreOf = (channel) => channel.#core;
  }
}

function isList(value: unknown): value is readonly Transferable[] {
  return Array.isArray(value);
}

class NilChannel implements ChannelCore<never> {
  readonly capacity = 0;
  readonly length = 0;

  send(): Promise<void> {
    return parkWith("send to nil", () => {});
  }

  receiveNow(): undefined {}

  receive(): Promise<Received<never>> {
    return parkWith("receive from nil", () => {});
  }

  trySend(): boolean {
    return false;
  }

  tryReceive(): undefined {}

  close(): void {
    throw closeOfNil();
  }
}

const nilCore: NilChannel = new NilChannel();
const nil: Channel<never> = new Channel<never>(0, nilCore);

/** For the library. */
export function isNil(channel: Channel<never> | undefined): channel is undefined {
  return channel === undefined || coreOf(channel) === nilCore;
}

function checked(capacity: unknown): number {
  if (Number.isSafeInteger(capacity) && (capacity as number) >= 0) return capacity as number;
  throw new HeddleError(
    "CHANNEL_CAPACITY",
    `a channel's capacity is a whole number, 0 or more, and this one's was to be ${String(capacity)}.`,
  );
}
