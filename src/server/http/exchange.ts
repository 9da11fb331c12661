/**
 * One request and its response on their way through the pipeline. The gate admits exchanges, a model executes them, the
 * access log writes a line for each.
 *
 * States: received → (queued →) executing → ended, or received → forwarded → ended if another instance runs it. `ended` is final and reached exactly once, when node:http closes the
 * response: completely sent, or cut because the client went away. `refusal` holds what heddle itself answered (503, 504, …).
 * A refusal does not end the exchange. The close of its response does.
 */

import type { Linked } from "../../kit/linked-list.ts";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ExpectEvent } from "../app/load/load-app.ts";
import type { ErrorCode } from "../../errors/errors.ts";
import type { ExchangeState, HandledExchange } from "../models/handled-exchange.ts";
import type { ConnectionContext } from "./parse/connection-context.ts";
import { abortReason } from "../app/abort-reasons.ts";
import { type CanBeCalledOff, endEventStream, isDrainError, isEventStream, whenCalledOff } from "../app/called-off.ts";
import { endConnectionWith } from "../../platform/node-internals/responses.ts";
import { cutShort } from "../app/cut-short.ts";
import type { Gate } from "./admit/gate.ts";
import type { TimedBody } from "./parse/limits.ts";
import { isUnfinished } from "./parse/lingering-close.ts";
import { putOutOfReach } from "./respond/detached-response.ts";
import { refuse } from "./respond/respond.ts";
import type { Route } from "./route/router.ts";

/** The key under which node:http's objects hold their exchange: one property look-up is cheaper than a WeakMap's. */
export const exchangeOf: unique symbol = Symbol("heddle.exchange");

export interface CarriesExchange {
  [exchangeOf]?: Exchange;
}

/** A request whose handler has failed: an exchange, or an upgrade, which has no id. */
export interface FailedRequest {
  readonly id?: string;
  readonly req: IncomingMessage;
  readonly route: Route;
}

export class Exchange implements Linked<Exchange>, HandledExchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly route: Route;
  readonly connection: ConnectionContext;
  /** performance.now() of this thread when the head was parsed. */
  readonly receivedMs: number;
  /** performance.now() when the model took it. Equals receivedMs if it did not queue. */
  executedMs: number;
  state: ExchangeState = "received";
  refusal: ErrorCode | undefined = undefined;
  /** The request has an `Expect` header, and the app handles that event itself. */
  expects: ExpectEvent | undefined = undefined;
  /** The client waits for `100 Continue`. It is sent when the exchange executes. */
  owesContinue = false;
  body: TimedBody | undefined = undefined;
  /** Its turn among the pipelined requests of its connection has come. */
  hasBegun = false;
  /** The app wrote beyond its `content-length`, so the connection was ended. The client has the declared bytes. */
  overlong = false;
  /** The gate in whose queue it waits. */
  queuedAt: Gate | undefined = undefined;
  /** It passes the gates before those without priority. */
  isUrgent = false;
  holdsRouteSlot = false;
  holdsServerSlot = false;
  /** It has passed all gates. */
  wasAdmitted = false;
  /** Intrusive list of the thread's exchanges, oldest first. */
  previous: Exchange | undefined = undefined;
  next: Exchange | undefined = undefined;
  /** The other instance that runs it. This one does not count, limit or log it. */
  instance: string | undefined = undefined;
  /** Cookie for the response's head. */
  cookie: string | undefined = undefined;
  /** The handler thread that runs it, if its model uses them. */
  handler: number | undefined = undefined;
  /** The handler runs on another thread and may still ask for more of the body, even when the response is out. */
  isReadElsewhere = false;
  /** Why the handler was told to stop, if it was. */
  abortReason: DOMException | undefined = undefined;
  /** Set by a model whose handler runs elsewhere and must be told. */
  onAbort: (() => void) | undefined = undefined;
  /** Set by a model that keeps something for the exchange. Called once, when the exchange has ended. */
  onEnded: (() => void) | undefined = undefined;
  /** What that model keeps. */
  kept: object | undefined = undefined;
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

  /** The request's id: the client's `x-request-id` if it is well-formed, else a generated one. */
  get id(): string {
    return (this.#id ??= requestIdFrom(this.req.rawHeaders) ?? nextRequestId());
  }

  /** Aborts when the client goes away, the request times out, or a drain cancels it. Made on first use: most never ask. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.abortReason !== undefined) this.#abort.abort(this.abortReason);
    }
    return this.#abort.signal;
  }

  /** Whether the handler was told to stop. If it fails after that, it is a consequence, not a fault. */
  get aborted(): boolean {
    return this.abortReason !== undefined && !isDrainError(this.abortReason);
  }

  /** Whether a drain cancelled it, and nothing else told it to stop since. */
  get calledOff(): boolean {
    return this.abortReason !== undefined && isDrainError(this.abortReason);
  }

  /** Its thread drains: tells the handler to finish. The client is still there, so the handler's answer still counts. */
  callOff(reason: DOMException): void {
    if (this.abortReason !== undefined) return;
    this.abortReason = reason;
    this.answering?.[whenCalledOff]?.(reason);
    this.#abort?.abort(reason);
    this.onAbort?.();
  }

  /** The response that the app has. */
  protected get answering(): CanBeCalledOff | undefined {
    return this.res as CanBeCalledOff;
  }

  get isEventStream(): boolean {
    return isEventStream(this.res);
  }

  /** For a handler that has failed. False: it is not an event stream, or has ended. */
  endEventStream(): boolean {
    return endEventStream(this.res);
  }

  /** Its head has said keep-alive, and the connection should end with it nevertheless. */
  leaveConnection(): void {
    const { res, connection } = this;
    // A refusal that follows on the connection ends it anyway.
    if (connection.current !== this || connection.refusesInTurn) return;
    endConnectionWith(res);
    connection.closing = true;
  }

  /** Of HTTP/1 the connection is judged: admit/client-watch.ts. */
  cutIfStalled(_writeTimeoutMs: number, _nowMs: number): void {}

  abort(reason: "AbortError" | "TimeoutError", message: string): void {
    if (this.aborted) return;
    this.abortReason = abortReason(message, reason);
    this.#abort?.abort(this.abortReason);
    this.onAbort?.();
  }

  /**
   * Answers in the handler's place. With a `why`, the handler is then told to stop. The answer is out before that, so the
   * handler can't change it.
   */
  refuse(code: ErrorCode, why?: string): void {
    this.refusal ??= code;
    const unfinished = isUnfinished(this.req);
    if (refuse(this.req, this.res, code)) this.connection.closing = true;
    else if (this.state === "executing") putOutOfReach(this.req, this.res, this.connection.stream);
    if (unfinished) cutShort(this.req, code);
    if (why !== undefined) this.abort(isTimeout(code) ? "TimeoutError" : "AbortError", why);
  }
}

export function isTimeout(code: ErrorCode): boolean {
  return code === "HANDLER_TIMEOUT" || code === "BODY_TIMEOUT";
}

let requestIdPrefix = `${process.pid.toString(36)}-`;
let requestCount = 0;

/** Makes generated ids unique across the threads and restarts of a server. */
export function setRequestIdPrefix(prefix: string): void {
  requestIdPrefix = prefix;
}

export function nextRequestId(): string {
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
