/** Channels of one direction, as types: what a function may do with a channel that it gets. Each channel is both. As in Go, only the
 * compiler checks it. `receiveFrom` takes a ReceiveOnly, `sendTo` a SendOnly.
 */

import type { Transferable } from "node:worker_threads";
import type { Context } from "../context/context.ts";
import type { Maybe, Received } from "./channel-core.ts";

/** Go's `<-chan T`: a channel whose user may receive, and neither send nor close. Each `Channel<T>` is one. */
export interface ReceiveOnly<out T> extends AsyncIterable<T> {
  readonly capacity: number;
  readonly length: number;
  receive(context?: Context): Promise<Received<T>>;
  tryReceive(): Maybe<Received<T> | undefined>;
}

/** Go's `chan<- T`: a channel whose user may send and close, but not receive. Each `Channel<T>` is one. */
export interface SendOnly<in T> {
  readonly capacity: number;
  readonly length: number;
  send(value: T, context?: Context): Promise<void>;
  send(value: T, transfer: readonly Transferable[] | undefined, context?: Context): Promise<void>;
  trySend(value: T, transfer?: readonly Transferable[]): Maybe<boolean>;
  close(): Maybe<void>;
}
