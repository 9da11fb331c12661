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
import type { ExpectEvent, LoadedApp } from "../app/load/load-app.ts";
import type { FramingFault } from "../app/response-framing.ts";
import type { ServerConfig } from "../../config/config.ts";
import { availableCpus } from "../../config/cpus.ts";
import { COUNTER, type LoadRow } from "../../supervise/load-board.ts";
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
import { type EndOptions, endExchange } from "./exchange-end.ts";
import { StreamEntry } from "./own-server/stream-entry.ts";
import { UpgradeEntry } from "./upgrade-entry.ts";
import { type ConnectionContext, connectionContext } from "./parse/connection-context.ts";
import { bodyTooLarge, Deadlines } from "./admit/deadlines.ts";
import { type CarriesExchange, Exchange, exchangeOf, type FailedRequest } from "./exchange.ts";
import { LinkedList } from "../../kit/linked-list.ts";
import { Gate, type GateHandle, uploadGate } from "./admit/gate.ts";
import { decorate } from "./respond/headers.ts";
import { informInTurn } from "./respond/informational-responses.ts";
import { restoreOffer } from "./parse/upgrade-requests.ts";
import { BodyGuard, inspectHead } from "./parse/limits.ts";
import { StreamExchange } from "./own-server/stream-exchange.ts";
import { tryBegin, wait } from "./parse/pipelining-order.ts";
import { isHeldUp } from "./respond/discard-body.ts";
import { refuseSocket } from "./respond/respond.ts";
import type { SocketEntry } from "./socket-entry.ts";
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
  /** undefined: no route has WebSockets that are actors. */
  readonly sockets: SocketEntry | undefined;
  readonly onHandlerFailed: (request: FailedRequest, error: unknown) => void;
  readonly misframed: (exchange: Exchange, fault: FramingFault) => void;
}

/** Longer than the acceptor waits before it asks for room again. */
const SCARCE_MS = 250;

export class Pipeline {
  /** The exchanges of the thread, oldest first. `threads` shows them, the timeout sweep walks them. */
  readonly exchanges: LinkedList<Exchange> = new LinkedList();
  /** Cancels them in a drain. */
  readonly callingOff: CallingOff = new CallingOff(this.exchanges);
  /** Requests that leave HTTP. */
  readonly upgrades: UpgradeEntry;
  /** Requests of HTTP/2 sessions. */
  readonly streams: StreamEntry;
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
  readonly #sockets: SocketEntry | undefined;
  readonly #decorates: boolean;
  readonly #ends: EndOptions;
  readonly #onHandlerFailed: PipelineOptions["onHandlerFailed"];
  #closesAfterResponse: boolean;
  /** performance.now() until which connections are closed because others wait for their descriptors. */
  #isScarceUntilMs = 0;
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
    this.#sockets = options.sockets;
    this.#accessLog = config.accessLog ? new AccessLog(config, options.thread) : undefined;
    if (this.#sockets !== undefined) this.#sockets.accessLog = this.#accessLog;
    this.#router = options.router;
    this.#admission = new Admission(options.router, options.gates, config.queueTimeoutMs, row, this.#execute);
    this.#deadlines = new Deadlines(this.exchanges, options.router, config, row);
    const host: ModelHost = {
      app: options.app,
      config,
      cpus: availableCpus(),
      handlers: options.handlers,
      failed: (exchange: Exchange, error) => this.fail(exchange, error),
      cutOff: (exchange: Exchange, code, inReading) => this.#cutOff(exchange, code, inReading),
      shed: (exchange: Exchange, code) => this.#admission.shed(exchange, code),
      uploadPlaces: (pool) => new Gate(options.gates[uploadGate(pool)]!, config.queueTimeoutMs),
      misframed: options.misframed,
      refuseUpgrade: (socket) => refuseSocket(socket, "UPGRADE_UNSUPPORTED"),
    };
    for (const [name, start] of options.models) this.#models.set(name, start(host));
    this.#fallbackModel = this.#models.get(this.#router.fallback.model)!;
    this.#ends = {
      row,
      exchanges: this.exchanges,
      admission: this.#admission,
      deadlines: this.#deadlines,
      accessLog: this.#accessLog,
      isFetchApp: options.app.shape === "fetch" || options.app.shape === "hono",
    };
    this.upgrades = new UpgradeEntry({
      config,
      router: options.router,
      sticky: options.sticky,
      modelOf: (route) => this.#modelOf(route),
      sockets: options.sockets,
      isDraining: () => this.#draining,
      failed: (request, error) => {
        row.counters[COUNTER.failed]!++;
        options.onHandlerFailed(request, error);
      },
    });
    this.streams = new StreamEntry({
      config,
      router: options.router,
      row,
      thread: options.thread,
      decorates: this.#decorates,
      begun: (exchange) => this.exchanges.add(exchange),
      admit: (exchange, nowMs) => this.#admission.admit(exchange, nowMs),
      ended: (exchange) => this.#end(exchange),
      failed: (exchange, error) => this.fail(exchange, error),
    });
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
    if (this.#isLastOf(connection, nowMs)) closeAfter(exchange);
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

  #isLastOf(connection: ConnectionContext, nowMs: number): boolean {
    const requests = ++connection.requests;
    if (this.#closesAfterResponse || nowMs < this.#isScarceUntilMs) return true;
    return requests === this.#config.requestsPerConnection || connection.losesInput;
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

  /** The client gets a 503. Who has ended the code has logged it, with its stack. */
  #cutOff(exchange: Exchange, code: "HANDLER_RAN_AWAY" | "HANDLER_LOST", inReading: boolean): void {
    this.#row.counters[COUNTER.failed]!++;
    if (inReading) closeAfter(exchange);
    exchange.refuse(code, "the handler was ended, because it or another one held up its thread for too long");
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

  /** Clients wait for descriptors: for a moment, connections are closed with the response to their latest request. */
  makeRoom(): void {
    this.#isScarceUntilMs = performance.now() + SCARCE_MS;
  }

  /** Enforces every time limit. Called by the thread's heartbeat. */
  sweep(nowMs: number): void {
    this.#admission.sweep(nowMs, this.exchanges);
    for (const model of this.#models.values()) model.sweep?.(nowMs);
    this.#deadlines.sweep(nowMs);
    this.callingOff.look();
    this.#sockets?.sweep(nowMs);
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
    if (exchange instanceof StreamExchange) this.streams.execute(exchange);
    else this.#modelOf(exchange.route).execute(exchange);
  };

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
    endExchange(exchange, this.#ends);
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

function giveLeave(exchange: Exchange): void {
  const { res } = exchange;
  if (res.socket !== null) exchange.owesContinue = false;
  else onceAssigned(res, () => (exchange.owesContinue = false));
  res.writeContinue();
}

function closeAfter({ res, connection }: Exchange): void {
  setKeepsConnection(res, false);
  connection.closing = true;
}
