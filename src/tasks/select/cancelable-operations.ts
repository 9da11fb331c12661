/**
 * `receive` and `send` with a context: a select between the operation and the cancellation. So exactly one of them happens: a value is
 * neither lost nor received by a task that was told of a cancellation. See channel/under-context.ts.
 *
 * A context that is cancelled already wins, even if a value is there. (Go's select would choose one at random.)
 */

import { Channel } from "../channel/channel.ts";
import { CLOSED, type Received } from "../channel/channel-core.ts";
import type { ReceiveOnly } from "../channel/directions.ts";
import { enterOperations } from "../channel/under-context.ts";
import type { Context } from "../context/context.ts";
import { checkContext } from "../context/context-check.ts";
import { failed } from "../waiter.ts";
import { type Case, receiveFrom, select, sendTo } from "./select.ts";

async function unlessCanceled<R>(user: string, context: Context, operation: Case<R>): Promise<R> {
  checkContext(context, user);
  if (context.error !== undefined) return await failed(context.error);
  // Not `context.done`: it would stay with the context, and keep the program alive until the deadline.
  const canceled = new Channel<never>();
  const forget = context.onCancel(() => void canceled.close());
  try {
    const happened = await select([operation as Case<unknown>, receiveFrom(canceled, () => CANCELED)]);
    if (happened === CANCELED) throw context.error!;
    return happened as R;
  } finally {
    forget();
  }
}

const CANCELED: unique symbol = Symbol("canceled");

enterOperations({
  receive: <T>(channel: ReceiveOnly<T>, context: Context): Promise<Received<T>> =>
    unlessCanceled(
      "channel.receive()",
      context,
      receiveFrom(channel, (value, ok): Received<T> => (ok ? { value, ok } : CLOSED)),
    ),
  send: (channel, value, transfer, context) =>
    unlessCanceled(
      "channel.send()",
      context,
      transfer === undefined ? sendTo(channel, value) : sendTo(channel, value, undefined, transfer),
    ),
});
