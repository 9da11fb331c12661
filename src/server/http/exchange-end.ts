/**
 * The end of an exchange: its response is closed. It is counted and logged, gives its slots back, and its connection goes on with the
 * next request, or ends.
 *
 * Invariant: an exchange ends once, and gives back its slots once.
 */

import { COUNTER, type LoadRow } from "../../supervise/load-board.ts";
import { bucketOf } from "../../kit/latency-histogram.ts";
import type { LinkedList } from "../../kit/linked-list.ts";
import { onceAssigned } from "../../platform/node-internals/responses.ts";
import type { AccessLog } from "./access-log.ts";
import type { Admission } from "./admit/admission.ts";
import type { Deadlines } from "./admit/deadlines.ts";
import type { Exchange } from "./exchange.ts";
import { StreamExchange } from "./own-server/stream-exchange.ts";
import { endLingering } from "./parse/lingering-close.ts";
import { passTurn } from "./parse/pipelining-order.ts";

export interface EndOptions {
  readonly row: LoadRow;
  /** Of the thread. */
  readonly exchanges: LinkedList<Exchange>;
  readonly admission: Admission;
  readonly deadlines: Deadlines;
  readonly accessLog: AccessLog | undefined;
  /** A fetch app's handler is done when its response is. Other apps may go on reading the body. */
  readonly isFetchApp: boolean;
}

export function endExchange(
  exchange: Exchange,
  { row, exchanges, admission, deadlines, accessLog, isFetchApp }: EndOptions,
): void {
  if (exchange.state === "ended") return;
  const nowMs = performance.now();
  const { counters } = row;
  const isStream = exchange instanceof StreamExchange;
  const complete = isStream ? exchange.isComplete : exchange.res.writableFinished;
  // No handler has begun: all of its time was queue time.
  const neverRan = exchange.state === "queued" || exchange.state === "received";
  if (neverRan) exchange.executedMs = nowMs;
  exchange.state = "ended";
  exchanges.remove(exchange);
  const { connection } = exchange;
  if (connection.current === exchange) connection.current = undefined;
  const isOwn = exchange.instance === undefined;
  if (isOwn) counters[COUNTER.finished]!++;
  if (!complete) {
    if (isOwn && !exchange.overlong) counters[COUNTER.clientGone]!++;
    const why = exchange.overlong ? "the response is longer than its content-length" : "the client went away";
    exchange.abort("AbortError", why);
  }
  admission.release(exchange, nowMs, complete && exchange.refusal === undefined);
  exchange.onEnded?.();
  if (exchange.wasAdmitted) {
    if (!neverRan) row.handlerCounts[bucketOf((nowMs - exchange.executedMs) * 1000)]!++;
    const queuedMs = exchange.executedMs - exchange.receivedMs;
    if (queuedMs > 0) row.queueCounts[bucketOf(queuedMs * 1000)]!++;
  }
  if (isStream) {
    accessLog?.write(exchange, nowMs, complete);
    return;
  }
  const hasRest = exchange.body !== undefined && !exchange.req.complete && complete;
  if (hasRest) deadlines.watchRest(exchange, nowMs, isFetchApp);
  else connection.leave(nowMs);
  if (!complete && !connection.stream.destroyed) cutInTurn(exchange);
  passTurn(exchange);
  if (isOwn || exchange.refusal !== undefined) accessLog?.write(exchange, nowMs, complete || exchange.overlong);
  if (complete && connection.closing && connection.active === (hasRest ? 1 : 0)) connection.onLastAnswer?.(hasRest);
}

/**
 * The response was destroyed before its turn came. node:http would send the part it has, and wait for the rest. So the
 * connection is closed instead, and the requests that wait behind it are not begun.
 */
function cutInTurn({ res, connection }: Exchange): void {
  connection.closing = true;
  connection.waiting = undefined;
  onceAssigned(res, endLingering);
}
