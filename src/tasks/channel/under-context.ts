/**
 * Channel operations that a context can end. They are selects, because a select alone decides between a value and a cancellation
 * without losing the value, also across threads. A channel can't import select, which needs channels itself, so
 * select/cancelable-operations.ts enters them here.
 */

import type { Transferable } from "node:worker_threads";
import type { Context } from "../context/context.ts";
import type { Received } from "./channel-core.ts";
import type { ReceiveOnly, SendOnly } from "./directions.ts";

export interface CancelableOperations {
  receive<T>(channel: ReceiveOnly<T>, context: Context): Promise<Received<T>>;
  send<T>(
    channel: SendOnly<T>,
    value: T,
    transfer: readonly Transferable[] | undefined,
    context: Context,
  ): Promise<void>;
}

export let underContext: CancelableOperations;

export function enterOperations(operations: CancelableOperations): void {
  underContext = operations;
}
