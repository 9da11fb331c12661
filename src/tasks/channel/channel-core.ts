/**
 * A channel as its users on this thread see it: the channel itself (`LocalChannel`) or a stand-in for one on another thread
 * (`RemoteChannel`), and the errors that both share.
 */

import type { Transferable } from "node:worker_threads";
import { HeddleError } from "../../errors/errors.ts";

/** `ok` is false, and the value undefined, when the channel is closed and empty. */
export type Received<T> = { readonly value: T; readonly ok: true } | { readonly value: undefined; readonly ok: false };

export type Maybe<T> = T | Promise<T>;

export interface ChannelCore<T> {
  readonly capacity: number;
  readonly length: number;
  send(value: T, transfer: readonly Transferable[] | undefined): Promise<void>;
  receive(): Promise<Received<T>>;
  /** On the channel's own thread: what `receive` would not wait for. Undefined: call `receive`. */
  receiveNow(): Received<T> | undefined;
  trySend(value: T, transfer: readonly Transferable[] | undefined): Maybe<boolean>;
  tryReceive(): Maybe<Received<T> | undefined>;
  close(): Maybe<void>;
}

export const CLOSED: Received<never> = Object.freeze({ value: undefined, ok: false });

export function sendOnClosed(): HeddleError {
  return new HeddleError("CHANNEL_CLOSED", "send on a closed channel.", {
    hint: "The sender should close the channel, or be told to stop before another task closes it.",
  });
}

export function closeOfClosed(): HeddleError {
  return new HeddleError("CHANNEL_CLOSED", "close of a closed channel.");
}

export function closeOfNil(): HeddleError {
  return new HeddleError("CHANNEL_NIL", "close of the nil channel, which cannot be closed.");
}
