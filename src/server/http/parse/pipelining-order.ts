/**
 * Decides which pipelined requests of one connection may run at the same time (RFC 9112 §9.3.2). Those with safe methods may.
 * One with any other method runs alone: it begins when all earlier requests are answered, and later ones wait for its answer.
 * Answers leave in the order of the requests; node:http ensures that.
 *
 * Invariants
 * - Requests begin in the order in which they came.
 * - None passes the gates before an earlier one that waits at them. It would hold a slot until the earlier one is answered, and that
 *   one may wait for this very slot. So behind one that waits at its route's gate those of other routes wait here, and behind one that
 *   waits without priority none has priority (admission.ts).
 * - A waiting request holds no slot of a gate. It begins in its own async context, not in that of the request that ended.
 * - A request that was refused or abandoned while it waited never begins.
 *
 * A client that does not pipeline pays one comparison for each request, and allocates nothing.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { Exchange } from "../exchange.ts";
import type { Route } from "../route/router.ts";
import type { ConnectionContext } from "./connection-context.ts";

/** RFC 9110 §9.2.1, and the other safe methods of the IANA registry. */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "PROPFIND", "REPORT", "SEARCH"]);

/** A connection's state about its pipelined requests. */
export interface PipelinedState {
  /** Exchanges that have begun and not ended. */
  running: number;
  latestBegun: Exchange | undefined;
  /** The latest that had to wait at a gate. */
  latestQueued: Exchange | undefined;
  /** In the order in which they came. undefined until one had to wait. */
  waiting: Waiting[] | undefined;
}

export interface Waiting {
  readonly exchange: Exchange;
  readonly begin: () => void;
}

/** Whether it begins now. If not, call `wait`. */
export function tryBegin(exchange: Exchange): boolean {
  const { connection } = exchange;
  if (connection.running > 0 && (isAnyWaiting(connection) || !mayRunBeside(exchange, connection))) return false;
  markBegun(exchange);
  return true;
}

/** Calls `begin` when its turn comes. */
export function wait(exchange: Exchange, begin: () => void): void {
  (exchange.connection.waiting ??= []).push({ exchange, begin: AsyncLocalStorage.bind(begin) });
}

/** An exchange has ended, begun or not. */
export function passTurn(exchange: Exchange): void {
  const { connection } = exchange;
  if (exchange.hasBegun && --connection.running === 0) {
    connection.latestBegun = undefined;
    connection.latestQueued = undefined;
  }
  beginNext(connection);
}

/** Begins the waiting ones whose turn has come. */
export function beginNext(connection: ConnectionContext): void {
  const { waiting } = connection;
  // The others end with their connection.
  if (waiting === undefined || !connection.stream.writable) return;
  for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
    const { exchange: next, begin } = first;
    const isOver = next.state === "ended" || next.refusal !== undefined;
    if (!isOver && connection.running > 0 && !mayRunBeside(next, connection)) return;
    waiting.shift();
    if (isOver) continue;
    markBegun(next);
    begin();
  }
}

function markBegun(exchange: Exchange): void {
  exchange.connection.running++;
  exchange.connection.latestBegun = exchange;
  exchange.hasBegun = true;
}

function isAnyWaiting({ waiting }: PipelinedState): boolean {
  return waiting !== undefined && waiting.length > 0;
}

function mayRunBeside(exchange: Exchange, { latestBegun, latestQueued }: PipelinedState): boolean {
  if (!isSafe(exchange) || !isSafe(latestBegun!)) return false;
  return latestQueued?.state !== "queued" || !mayOvertake(exchange.route, latestQueued.route);
}

/** Whether a request would reach the server's gate before an earlier one that waits at its route's. */
function mayOvertake(own: Route, earlier: Route): boolean {
  return own !== earlier && earlier.gate !== undefined && own.priority !== "always";
}

function isSafe({ req }: Exchange): boolean {
  return SAFE.has(req.method!);
}
