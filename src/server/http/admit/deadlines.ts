/**
 * Every time limit of requests in progress, enforced in one sweep over them: the handler's (504), the body's (408), and
 * that of bodies that go on after their answer. What each counts is docs/decisions/timeouts.md.
 *
 * A timer per request would be exact and cost each one; a sweep costs nothing between two of them and is precise to a
 * twentieth of the shortest limit.
 */

import type { ServerConfig } from "../../../config/config.ts";
import type { ErrorCode } from "../../../errors/errors.ts";
import { isContinued } from "../../../platform/node-internals/responses.ts";
import { COUNTER, type LoadRow } from "../../../supervise/load-board.ts";
import { breakOff, cutShort } from "../../app/cut-short.ts";
import type { Exchange } from "../exchange.ts";
import type { LinkedList } from "../../../kit/linked-list.ts";
import { endLingering } from "../parse/lingering-close.ts";
import { RestOfBody } from "../respond/discard-body.ts";
import type { Route, Router } from "../route/router.ts";

export class Deadlines {
  readonly #exchanges: LinkedList<Exchange>;
  readonly #config: ServerConfig;
  readonly #row: LoadRow;
  readonly #intervalMs: number;
  /** By the ended exchange each belongs to: its connection is not idle before the body has ended too. */
  readonly #rests = new Map<Exchange, RestOfBody>();
  #sweptMs = 0;

  constructor(exchanges: LinkedList<Exchange>, router: Router, config: ServerConfig, row: LoadRow) {
    this.#exchanges = exchanges;
    this.#config = config;
    this.#row = row;
    this.#intervalMs = sweepIntervalMs(config, [router.fallback, ...router.routes]);
  }

  /** Call it every few milliseconds. */
  sweep(nowMs: number): void {
    if (nowMs - this.#sweptMs < this.#intervalMs) return;
    this.#sweptMs = nowMs;
    for (const exchange of this.#exchanges) this.#judge(exchange, nowMs);
    for (const [exchange, rest] of this.#rests) {
      const state = rest.sweep(nowMs);
      if (state === "arriving") continue;
      this.#rests.delete(exchange);
      exchange.connection.leave(nowMs);
      if (state === "gone") breakOff(exchange.req);
      else if (state !== "complete") cut(exchange, state);
    }
  }

  /**
   * The answer is out and the body still arrives: its end, or its limits, end the exchange's hold on the connection.
   * `isOver`: whoever has not read it by now does not.
   */
  watchRest(exchange: Exchange, nowMs: number, isOver: boolean): void {
    const { req, connection } = exchange;
    const reader = { isOver, isElsewhere: () => exchange.isReadElsewhere };
    const rest = new RestOfBody(req, connection.stream, this.#config, nowMs, reader);
    this.#rests.set(exchange, rest);
  }

  /** All of that body has come. */
  endRest(exchange: Exchange): void {
    if (this.#rests.delete(exchange)) exchange.connection.leave(performance.now());
  }

  #judge(exchange: Exchange, nowMs: number): void {
    const { res, route, body } = exchange;
    if (exchange.refusal !== undefined) return;
    let sinceMs = exchange.executedMs;
    if (body !== undefined) {
      const state = body.sweep(nowMs, isAskedFor(exchange));
      if (state === "arriving") return;
      if (state !== "complete" && state !== "unread") {
        exchange.refuse(state, "the request's body stopped arriving or was refused");
        return;
      }
      sinceMs = Math.max(sinceMs, body.arrivingUntilMs);
    }
    if (exchange.state !== "executing" || res.headersSent) return;
    if (route.timeoutMs === 0 || nowMs - sinceMs < route.timeoutMs) return;
    this.#row.counters[COUNTER.timedOut]!++;
    exchange.refuse("HANDLER_TIMEOUT", `the handler did not answer within ${route.timeoutMs} ms`);
  }
}

export function bodyTooLarge(exchange: Exchange): void {
  if (exchange.state === "ended") cut(exchange, "BODY_TOO_LARGE");
  else exchange.refuse("BODY_TOO_LARGE", "the request's body is larger than the limit");
}

function cut({ req, connection }: Exchange, code: ErrorCode): void {
  connection.closing = true;
  cutShort(req, code);
  endLingering(connection.stream);
}

/** Whether the client has been told to send its body, or never asked. */
function isAskedFor({ owesContinue, expects, res }: Exchange): boolean {
  if (owesContinue) return false;
  if (expects !== "checkContinue") return true;
  // Before its turn on the connection it is not out, even if written.
  return res.socket !== null && isContinued(res);
}

const MIN_SWEEP_MS = 25;
const MAX_SWEEP_MS = 500;

/** Often enough to keep the shortest time limit to a twentieth: with ten thousand requests in flight a look is not free. */
function sweepIntervalMs(config: ServerConfig, routes: readonly Route[]): number {
  const limits = [config.queueTimeoutMs, config.bodyIdleTimeoutMs, ...routes.map(({ timeoutMs }) => timeoutMs)];
  const shortest = Math.min(...limits.filter((ms) => ms > 0));
  return Math.min(MAX_SWEEP_MS, Math.max(MIN_SWEEP_MS, shortest / 20));
}
