/**
 * One request and its response on their way through the pipeline: the unit the gate admits, a model executes and the
 * access log tells of.
 *
 * States: received → (queued →) executing → ended. `ended` is final and reached exactly once, when node:http closes
 * the response: completely sent, or cut because the client went away. What heddle itself answered (503, 504, …) is in
 * `refusal`; a refusal does not end the exchange, its response's close does.
 */

import type { Linked } from "../../kit/linked-list.ts";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ExpectEvent } from "../app/load/load-app.ts";
import type { ErrorCode } from "../../errors/errors.ts";
import type { ExchangeState, HandledExchange } from "../models/handled-exchange.ts";
import type { ConnectionContext } from "./parse/connection-context.ts";
import { type CanBeCalledOff, isDrainError, whenCalledOff } from "../app/called-off.ts";
import { cutShort } from "../app/cut-short.ts";
import type { Gate } from "./admit/gate.ts";
import type { BodyGuard } from "./parse/limits.ts";
import { isUnfinished } from "./parse/lingering-close.ts";
import { putOutOfReach } from "./respond/detached-response.ts";
import { refuse } from "./respond/respond.ts";
import type { Route } from "./route/router.ts";

/** Where node:http's own objects carry their exchange: one property look-up instead of a WeakMap's hash. */
export const exchangeOf: unique symbol = Symbol("heddle.exchange");

export interface CarriesExchange {
  [exchangeOf]?: Exchange;
}

export class Exchange implements Linked<Exchange>, HandledExchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly route: Route;
  readonly connection: ConnectionContext;
  /** performance.now() of this thread when the head was parsed. */
  readonly receivedMs: number;
  /** performance.now() when the model took it; equals receivedMs when it did not queue. */
  executedMs: number;
  state: ExchangeState = "received";
  refusal: ErrorCode | undefined = undefined;
  /** The client waits for leave to send its body, and the app wants to give that leave itself. */
  expects: ExpectEvent | undefined = undefined;
  /** The client waits for leave to send its body, and gets it when the handler's turn has come. */
  owesContinue = false;
  body: BodyGuard | undefined = undefined;
  /** Its turn among the pipelined requests of its connection has come. */
  hasBegun = false;
  /** The app goes on writing beyond its `content-length`, so its connection was ended; the client has what it was told. */
  overlong = false;
  /** The gate in whose queue it waits. */
  queuedAt: Gate | undefined = undefined;
  holdsRouteSlot = false;
  holdsServerSlot = false;
  /** Intrusive list of the thread's exchanges, oldest first. */
  previous: Exchange | undefined = undefined;
  next: Exchange | undefined = undefined;
  /** The handler thread that has it, if its model runs it on one. */
  handler: number | undefined = undefined;
  /** The handler on another thread may ask for more of the body, also when the response is out. */
  isReadElsewhere = false;
  /** Why the handler was told to stop, if it was. */
  abortReason: DOMException | undefined = undefined;
  /** For a model whose handler is elsewhere and must be told. */
  onAbort: (() => void) | undefined = undefined;
  /** For a model that keeps something for it. Called once, when it has ended. */
  onEnded: (() => void) | undefined = undefined;
  #abort: AbortController | undefined = undefined;
  #id: string | undefined = undefined;

  constructor(req: IncomingMessage, res: ServerResponse, route: Route, connection: ConnectionContext, nowMs: number) {
    this.req = req;
    this.res = res;
    this.route = route;
    this.connection = connection;
    this.receivedMs = nowMs;
    this.executedMs = nowMs;
    (req as CarriesExchange)[exchangeOf] = this;
    (res as CarriesExchange)[exchangeOf] = this;
  }

  /** The request's id: the client's `x-request-id` if it is a sane one, else made up here. */
  get id(): string {
    return (this.#id ??= requestIdFrom(this.req.rawHeaders) ?? nextRequestId());
  }

  /** Aborts when the client goes away, the request times out, or is called off. Made on first use: most handlers never ask. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.abortReason !== undefined) this.#abort.abort(this.abortReason);
    }
    return this.#abort.signal;
  }

  /** Whether the handler was told to stop: what it fails with from then on is a consequence, not a fault. */
  get aborted(): boolean {
    return this.abortReason !== undefined && !isDrainError(this.abortReason);
  }

  /** Whether it was called off, and not told to stop since. */
  get calledOff(): boolean {
    return this.abortReason !== undefined && isDrainError(this.abortReason);
  }

  /** Its thread drains: the handler is told to come to an end. Its client is still there, and what it answers counts. */
  callOff(reason: DOMException): void {
    if (this.abortReason !== undefined) return;
    this.abortReason = reason;
    (this.res as CanBeCalledOff)[whenCalledOff]?.(reason);
    this.#abort?.abort(reason);
    this.onAbort?.();
  }

  abort(reason: "AbortError" | "TimeoutError", message: string): void {
    if (this.aborted) return;
    this.abortReason = new DOMException(message, reason);
    this.#abort?.abort(this.abortReason);
    this.onAbort?.();
  }

  /**
   * Answers in the handler's place. With a `why`, the handler is told to stop, after the answer is out: what it does
   * when it hears of it can't change the answer any more.
   */
  refuse(code: ErrorCode, why?: string): void {
    this.refusal ??= code;
    const unfinished = isUnfinished(this.req);
    if (refuse(this.req, this.res, code)) this.connection.closing = true;
    else if (this.state === "executing") putOutOfReach(this.req, this.res, this.connection.stream);
    if (unfinished) cutShort(this.req, code);
    if (why !== undefined) this.abort(TIMEOUTS.has(code) ? "TimeoutError" : "AbortError", why);
  }
}

const TIMEOUTS: ReadonlySet<ErrorCode> = new Set(["HANDLER_TIMEOUT", "BODY_TIMEOUT"]);

let requestIdPrefix = `${process.pid.toString(36)}-`;
let requestCount = 0;

/** Makes generated ids unique between the threads and lives of a server. */
export function setRequestIdPrefix(prefix: string): void {
  requestIdPrefix = prefix;
}

function nextRequestId(): string {
  return requestIdPrefix + (++requestCount).toString(36);
}

/** Anything else could break a log line or be a memory attack. */
const SANE_ID = /^[\w.:@/+=-]{1,128}$/;

function requestIdFrom(rawHeaders: readonly string[]): string | undefined {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.length === 12 && rawHeaders[i]!.toLowerCase() === "x-request-id") {
      const value = rawHeaders[i + 1]!;
      return SANE_ID.test(value) ? value : undefined;
    }
  }
  return undefined;
}
