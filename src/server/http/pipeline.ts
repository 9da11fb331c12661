/**
 * The path of a request on a serving thread, in order:
 *
 *   parse (node:http, connection.ts) → check (limits.ts) → route (router.ts) → choose the instance (sticky/sticky.ts)
 *   → admit (admission.ts) → execute (a model)
 *   → respond (the app, or respond.ts) → end (counted, logged, slot given back)
 *
 * Routing comes before admission because a route may have a gate of its own. A request is refused at one place per
 * reason: its form in limits.ts, its turn in admission.ts, its time in deadlines.ts.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ExpectEvent, LoadedApp } from "../app/load/load-app.ts";
import type { FramingFault } from "../app/response-framing.ts";
import type { ServerConfig } from "../../config/config.ts";
import { availableCpus } from "../../config/cpus.ts";
import { COUNTER, type LoadRow } from "../../supervise/load-board.ts";
import { bucketOf } from "../../kit/latency-histogram.ts";
import type { HandlerSource, ModelHost, ModelName, RunningModel, StartModel } from "../models/model.ts";
import { http } from "../../platform/http.ts";
import {
  beforeHead,
  hintKeepAlive,
  onceAssigned,
  setKeepsConnection,
} from "../../platform/node-internals/responses.ts";
import { AccessLog } from "./access-log.ts";
import { thisMoment } from "./admit/client-watch.ts";
import { Admission } from "./admit/admission.ts";
import { CallingOff } from "./cancellation.ts";
import { type ConnectionContext, connectionContext } from "./parse/connection-context.ts";
import { bodyTooLarge, Deadlines } from "./admit/deadlines.ts";
import { type CarriesExchange, Exchange, exchangeOf } from "./exchange.ts";
import { endLingering } from "./parse/lingering-close.ts";
import { LinkedList } from "../../kit/linked-list.ts";
import { Gate, type GateHandle, uploadGate } from "./admit/gate.ts";
import type { ConnectionHandlers } from "./parse/connection.ts";
import { decorate, decorateStream } from "./respond/headers.ts";
import { informInTurn } from "./respond/informational-responses.ts";
import { restoreOffer } from "./parse/upgrade-requests.ts";
import { BodyGuard, inspectHead } from "./parse/limits.ts";
import { StreamExchange, type StreamHead } from "./own-server/stream-exchange.ts";
import { inspectStreamHead, StreamBody } from "./own-server/stream-limits.ts";
import { passTurn, tryBegin, wait } from "./parse/pipelining-order.ts";
import { isHeldUp } from "./respond/discard-body.ts";
import { refuseSocket } from "./respond/respond.ts";
import type { Route, Router } from "./route/router.ts";
import type { Sticky } from "./sticky/sticky.ts";

export interface PipelineOptions {
  readonly config: ServerConfig;
  readonly app: LoadedApp;
  readonly router: Router;
  /** The models that the routes use. */
  readonly models: ReadonlyMap<ModelName, StartModel>;
  readonly row: LoadRow;
  /** By route name. `*` is the server's gate. Every route with a limit has its own. */
  readonly gates: Readonly<Record<string, GateHandle>>;
  readonly handlers: HandlerSource;
  readonly thread: number;
  /** undefined: every request is served by the instance that its connection has come to. */
  readonly sticky: Sticky | undefined;
  readonly onHandlerFailed: (exchange: Exchange, error: unknown) => void;
  readonly misframed: (exchange: Exchange, fault: FramingFault) => void;
}

export class Pipeline {
  /** The exchanges of the thread, oldest first. `threads` shows them, the timeout sweep walks them. */
  readonly exchanges: LinkedList<Exchange> = new LinkedList();
  /** Cancels them in a drain. */
  readonly callingOff: CallingOff = new CallingOff(this.exchanges);
  readonly #app: LoadedApp;
  readonly #config: ServerConfig;
  readonly #row: LoadRow;
  readonly #router: Router;
  readonly #admission: Admission;
  readonly #deadlines: Deadlines;
  readonly #models = new Map<ModelName, RunningModel>();
  readonly #fallbackModel: RunningModel;
  readonly #accessLog: AccessLog | undefined;
  readonly #thread: number;
  readonly #sticky: Sticky | undefined;
  readonly #decorates: boolean;
  readonly #onHandlerFailed: PipelineOptions["onHandlerFailed"];
  #closesAfterResponse: boolean;
  #draining = false;

  constructor(options: PipelineOptions) {
    const { config, row } = options;
    this.#app = options.app;
    this.#closesAfterResponse = config.keepAliveMs === 0;
    this.#config = config;
    this.#row = row;
    this.#thread = options.thread;
    this.#sticky = options.sticky;
    this.#onHandlerFailed = options.onHandlerFailed;
    this.#decorates = config.debugHeaders || config.serverTiming;
    this.#accessLog = config.accessLog ? new AccessLog(config, options.thread) : undefined;
    this.#router = options.router;
    this.#admission = new Admission(options.router, options.gates, config.queueTimeoutMs, row, this.#execute);
    this.#deadlines = new Deadlines(this.exchanges, options.router, config, row);
    const host: ModelHost = {
      app: options.app,
      config,
      cpus: availableCpus(),
      handlers: options.handlers,
      failed: (exchange: Exchange, error) => this.fail(exchange, error),
      shed: (exchange: Exchange, code) => this.#admission.shed(exchange, code),
      uploadPlaces: (pool) => new Gate(options.gates[uploadGate(pool)]!, config.queueTimeoutMs),
      misframed: options.misframed,
      refuseUpgrade: (socket) => refuseSocket(socket, "UPGRADE_UNSUPPORTED"),
    };
    for (const [name, start] of options.models) this.#models.set(name, start(host));
    this.#fallbackModel = this.#models.get(this.#router.fallback.model)!;
  }

  /** check → route → admit → execute. */
  readonly handle = (req: IncomingMessage, res: ServerResponse): void => this.#enter(req, res, undefined);

  /** `Expect: 100-continue`: the body is asked for only if the head is acceptable, and only when the request's turn comes. */
  readonly handleContinue = (req: IncomingMessage, res: ServerResponse): void =>
    this.#enter(req, res, this.#app.acceptsExpect("checkContinue") ? "checkContinue" : "leave");

  /** Any other `Expect`: 417, unless the app listens for it (RFC 9110 §10.1.1). */
  readonly handleExpectation = (req: IncomingMessage, res: ServerResponse): void =>
    this.#enter(req, res, this.#app.acceptsExpect("checkExpectation") ? "checkExpectation" : "unknown");

  #enter(req: IncomingMessage, res: ServerResponse, expects: ExpectEvent | "leave" | "unknown" | undefined): void {
    const connection = connectionContext.getStore()!;
    if (connection.closing) {
      connection.hasMore = true;
      // Read the body, and what follows it.
      req.resume();
      return;
    }
    if (connection.declined !== undefined) restoreOffer(req, connection);
    const nowMs = performance.now();
    const inspected = inspectHead(req, this.#config);
    const head = expects === "unknown" && isAcceptable(inspected) ? "EXPECTATION_FAILED" : inspected;
    const route = this.#router.match(req.method!, req.url!);
    const exchange = new Exchange(req, res, route, connection, nowMs);
    if (this.#sticky === undefined || !isAcceptable(head)) this.#row.counters[COUNTER.started]!++;
    else this.#choose(this.#sticky, exchange);
    connection.current = exchange;
    if (connection.active++ > 0 && res.socket === null) informInTurn(res);
    connection.idleSinceMs = 0;
    if (expects === "leave") exchange.owesContinue = true;
    else if (expects !== "unknown") exchange.expects = expects;
    this.exchanges.add(exchange);
    res.on("close", this.#onClose);
    if (this.#isLastOf(connection)) closeAfter(exchange);
    // The header that node:http sends when it closes idle connections itself (`keep-alive: timeout=5`).
    else hintKeepAlive(res, this.#config.keepAliveMs);
    if (this.#decorates) decorate(exchange, this.#config, this.#thread);
    if (head !== "no-body") connection.latestBody = req;
    if (head === "body") {
      exchange.body = new BodyGuard(req, this.#config, nowMs, {
        onTooLarge: () => bodyTooLarge(exchange),
        onComplete: () => {
          connection.requested = thisMoment();
          if (exchange.state === "ended") this.#deadlines.endRest(exchange);
        },
      });
      closeIfHeldUp(exchange);
    } else if (head !== "no-body") {
      connection.requested = thisMoment();
      exchange.refuse(head);
      return;
    }
    if (tryBegin(exchange)) this.#begin(exchange, nowMs);
    else this.#waitInLine(exchange);
    // Once more: a handler that computes keeps this thread from hearing the end of its client's side.
    connection.requested = thisMoment();
  }

  /**
   * Of an HTTP/2 session (own-server/streams.ts). Its requests have no order among each other, and no answer ends the connection.
   */
  readonly handleStream = (head: StreamHead, socket: Socket, run: StreamExchange["run"]): void => {
    const nowMs = performance.now();
    const form = inspectStreamHead(head, this.#config);
    const { ":method": method = "", ":path": path = "" } = head.headers;
    // A path that is refused needs no route, and may be none.
    const route = form === "BAD_REQUEST" ? this.#router.fallback : this.#router.match(method, path);
    const exchange = new StreamExchange(head, route, socket, nowMs, run);
    const { connection, stream } = exchange;
    this.#row.counters[COUNTER.started]!++;
    connection.current = exchange;
    connection.active = 1;
    exchange.hasBegun = true;
    this.exchanges.add(exchange);
    stream.once("close", () => this.#end(exchange));
    if (this.#decorates) decorateStream(exchange, this.#config, this.#thread);
    if (form === "body") exchange.body = this.#guardStream(exchange, nowMs);
    else if (form !== "no-body") return exchange.refuse(form);
    connectionContext.run(connection, () => this.#admission.admit(exchange, nowMs));
  };

  #guardStream(exchange: StreamExchange, nowMs: number): StreamBody {
    return new StreamBody(exchange.stream, this.#config, nowMs, {
      onTooLarge: () => exchange.refuse("BODY_TOO_LARGE", "the request's body is larger than the limit"),
      onComplete: () => {},
    });
  }

  #isLastOf(connection: ConnectionContext): boolean {
    const requests = ++connection.requests;
    return this.#closesAfterResponse || requests === this.#config.requestsPerConnection || connection.losesInput;
  }

  /** Waits behind others of its connection. A client with more waiting requests than the whole server may queue is refused. */
  #waitInLine(exchange: Exchange): void {
    const { waiting } = exchange.connection;
    if (waiting !== undefined && waiting.length >= (this.#config.queue || 1))
      this.#admission.shed(exchange, "OVERLOADED");
    else wait(exchange, () => this.#begin(exchange, performance.now()));
  }

  #choose(sticky: Sticky, exchange: Exchange): void {
    const { req, route, connection } = exchange;
    exchange.instance = sticky.chooseFor(req, route, connection);
    if (exchange.instance === undefined) this.#keep(sticky, exchange);
  }

  /** This instance runs it. */
  #keep(sticky: Sticky, exchange: Exchange): void {
    exchange.instance = undefined;
    exchange.cookie = sticky.cookieFor(exchange.req, exchange.route);
    this.#row.counters[COUNTER.started]!++;
  }

  #begin(exchange: Exchange, nowMs: number): void {
    const { instance } = exchange;
    if (instance === undefined) return this.#admission.admit(exchange, nowMs);
    const sticky = this.#sticky!;
    sticky.forward(exchange, instance, () => {
      this.#keep(sticky, exchange);
      this.#admission.admit(exchange, performance.now());
    });
  }

  /** A protocol switch leaves HTTP, and with it the gate. The form of the handshake is checked all the same. */
  readonly upgrade = (req: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const form = inspectHead(req, this.#config);
    if (this.#draining) refuseSocket(socket, "OVERLOADED");
    else if (form === "no-body") {
      const route = this.#router.match(req.method!, req.url!);
      this.#sticky?.markUpgrade(req, socket, route);
      this.#modelOf(route).upgrade(req, socket, head);
    }
    // One side could read a body here as a request, the other as frames.
    else refuseSocket(socket, form === "body" ? "BAD_REQUEST" : form);
  };

  /** Before that, if another instance is to serve it. One that is refused here is refused at once. */
  readonly forwardsUpgrade: ConnectionHandlers["forwardsUpgrade"] = (req, socket, head, connection, here) => {
    if (this.#sticky === undefined || inspectHead(req, this.#config) !== "no-body") return false;
    const route = this.#router.match(req.method!, req.url!);
    return this.#sticky.forwardUpgrade(req, { socket, head, route }, connection, here);
  };

  /** The connection closed after node:http had detached its socket: node:http does not close the responses that wait on it. */
  readonly abandon = (connection: ConnectionContext): void => {
    for (const { connection: own, res } of this.exchanges) {
      if (own === connection) http.ServerResponse.prototype.destroy.call(res);
    }
  };

  /** The exchange that runs on this thread at this moment. */
  current(): Exchange | undefined {
    return connectionContext.getStore()?.current;
  }

  /** The handler threw or rejected: the client gets a 500 without details, the log gets all of them. */
  fail(exchange: Exchange, error: unknown): void {
    if (exchange.aborted) return;
    if (exchange.calledOff) return this.callingOff.failed(exchange);
    this.#row.counters[COUNTER.failed]!++;
    this.#onHandlerFailed(exchange, error);
    exchange.refuse("HANDLER_FAILED");
  }

  /** From now on every connection is closed with the response to its latest request. */
  drain(): void {
    this.#draining = true;
    this.#closesAfterResponse = true;
    this.#sticky?.drain();
    for (const exchange of this.exchanges) {
      if (exchange instanceof StreamExchange) continue;
      const { connection, res } = exchange;
      // A refusal that follows on the connection is its last answer.
      if (connection.current === exchange && !connection.refusesInTurn && !res.headersSent) closeAfter(exchange);
    }
  }

  /** Enforces every time limit. Called by the thread's heartbeat. */
  sweep(nowMs: number): void {
    this.#admission.sweep(nowMs);
    for (const model of this.#models.values()) model.sweep?.(nowMs);
    this.#deadlines.sweep(nowMs);
    this.callingOff.look();
  }

  /** Calls back when no handler of the server's own model runs any more. If the model can't tell: at once. */
  whenIdle(next: () => void): void {
    if (this.#fallbackModel.whenIdle === undefined) next();
    else this.#fallbackModel.whenIdle(next);
  }

  close(): void {
    this.#accessLog?.flush();
  }

  readonly #execute = (exchange: Exchange, nowMs: number): void => {
    // Its body was refused while it waited. The slot is released when the refusal is out.
    if (exchange.refusal !== undefined) return;
    exchange.state = "executing";
    exchange.executedMs = nowMs;
    if (exchange.owesContinue) giveLeave(exchange);
    if (exchange instanceof StreamExchange) this.#runStream(exchange);
    else this.#modelOf(exchange.route).execute(exchange);
  };

  /** As the model `loop` does: no other serves HTTP/2 (models/own-servers.ts). */
  #runStream(exchange: StreamExchange): void {
    try {
      const failed = (error: unknown): void => this.fail(exchange, error);
      void exchange.run(exchange)?.then(undefined, failed);
      void exchange.handling?.then(undefined, failed);
    } catch (error) {
      this.fail(exchange, error);
    }
  }

  #modelOf(route: Route): RunningModel {
    return route === this.#router.fallback ? this.#fallbackModel : this.#models.get(route.model)!;
  }

  /** The response is closed. `this` is the response, so that one function serves them all. */
  readonly #onClose = (() => {
    const end = (exchange: Exchange): void => this.#end(exchange);
    return function (this: ServerResponse): void {
      end((this as CarriesExchange)[exchangeOf]!);
    };
  })();

  #end(exchange: Exchange): void {
    if (exchange.state === "ended") return;
    const nowMs = performance.now();
    const { counters } = this.#row;
    const isStream = exchange instanceof StreamExchange;
    const complete = isStream ? exchange.isComplete : exchange.res.writableFinished;
    exchange.state = "ended";
    this.exchanges.remove(exchange);
    const { connection } = exchange;
    if (connection.current === exchange) connection.current = undefined;
    const isOwn = exchange.instance === undefined;
    if (isOwn) counters[COUNTER.finished]!++;
    if (!complete) {
      if (isOwn && !exchange.overlong) counters[COUNTER.clientGone]!++;
      const why = exchange.overlong ? "the response is longer than its content-length" : "the client went away";
      exchange.abort("AbortError", why);
    }
    this.#admission.release(exchange);
    exchange.onEnded?.();
    if (exchange.holdsServerSlot) {
      this.#row.handlerCounts[bucketOf((nowMs - exchange.executedMs) * 1000)]!++;
      const queuedMs = exchange.executedMs - exchange.receivedMs;
      if (queuedMs > 0) this.#row.queueCounts[bucketOf(queuedMs * 1000)]!++;
    }
    if (isStream) {
      this.#accessLog?.write(exchange, nowMs, complete);
      return;
    }
    const hasRest = exchange.body !== undefined && !exchange.req.complete && complete;
    if (hasRest) this.#deadlines.watchRest(exchange, nowMs, isFetchApp(this.#app));
    else connection.leave(nowMs);
    if (!complete && !connection.stream.destroyed) cutInTurn(exchange);
    passTurn(exchange);
    if (isOwn || exchange.refusal !== undefined) this.#accessLog?.write(exchange, nowMs, complete || exchange.overlong);
    if (complete && connection.closing && connection.active === (hasRest ? 1 : 0)) connection.onLastAnswer?.(hasRest);
  }
}

/**
 * An app that has begun to read a body and is paused when its answer begins will hardly read the rest. Until the rest is read,
 * no other request can be read from the connection. So the response's head says that the connection closes.
 */
function closeIfHeldUp(exchange: Exchange): void {
  const { req, res } = exchange;
  beforeHead(res, () => {
    if (isHeldUp(req)) closeAfter(exchange);
  });
}

function isAcceptable(head: ReturnType<typeof inspectHead>): boolean {
  return head === "body" || head === "no-body";
}

/** A fetch app's handler is done when its response is. Other apps may go on reading the body. */
function isFetchApp({ shape }: LoadedApp): boolean {
  return shape === "fetch" || shape === "hono";
}

function giveLeave(exchange: Exchange): void {
  const { res } = exchange;
  if (res.socket !== null) exchange.owesContinue = false;
  else onceAssigned(res, () => (exchange.owesContinue = false));
  res.writeContinue();
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

function closeAfter({ res, connection }: Exchange): void {
  setKeepsConnection(res, false);
  connection.closing = true;
}
