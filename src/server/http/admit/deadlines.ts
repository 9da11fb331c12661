/**
 * Enforces every time limit of requests in progress, in one sweep over them: the handler's (504), the body's (408), and that
 * of bodies that continue after their answer. docs/decisions/timeouts.md says what each limit counts.
 *
 * A timer per request would be exact, but each would cost something. A sweep costs nothing between two runs, and is precise
 * to a twentieth of the shortest limit.
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
  /** By the ended exchange each belongs to. Its connection is not idle until the body has ended too. */
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
   * The answer is out and the body still arrives. The exchange holds the connection until the body ends or exceeds a limit.
   * `isOver`: an app that has paused the body will not resume.
   */
  watchRest(exchange: Exchange, nowMs: number, isOver: boolean): void {
    const { req, connection } = exchange;
    const reader = { isOver, isElsewhere: () => exchange.isReadElsewhere };
    const rest = new RestOfBody(req, connection.stream, this.#config, nowMs, reader);
    this.#rests.set(exchange, rest);
  }

  /** The rest of that body has arrived. */
  endRest(exchange: Exchange): void {
    if (this.#rests.delete(exchange)) exchange.connection.leave(performance.now());
  }

  #judge(exchange: Exchange, nowMs: number): void {
    const { res, route, body } = exchange;
    exchange.cutIfStalled(this.#config.writeTimeoutMs, nowMs);
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

/** Whether the client may send its body: it was told to, or never asked. */
function isAskedFor({ owesContinue, expects, res }: Exchange): boolean {
  if (owesContinue) return false;
  if (expects !== "checkContinue") return true;
  // Before the response's turn on the connection, `100 Continue` is not sent, even if it is written.
  return res.socket !== null && isContinued(res);
}

const MIN_SWEEP_MS = 25;
const MAX_SWEEP_MS = 500;

/** Often enough to keep the shortest limit to a twentieth. Not more often: a sweep over ten thousand requests is not free. */
function sweepIntervalMs(config: ServerConfig, routes: readonly Route[]): number {
  const limits = [config.queueTimeoutMs, config.bodyIdleTimeoutMs, ...routes.map(({ timeoutMs }) => timeoutMs)];
  const shortest = Math.min(...limits.filter((ms) => ms > 0));
  return Math.min(MAX_SWEEP_MS, Math.max(MIN_SWEEP_MS, shortest / 20));
}
