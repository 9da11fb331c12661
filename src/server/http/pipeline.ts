/**
 * The path of a request on a serving thread, in order:
 *
 *   parse (node:http, connection.ts) → check (limits.ts) → route (router.ts) → admit (admission.ts) → execute (a model)
 *   → respond (the app, or respond.ts) → end (counted, logged, slot given back)
 *
 * Routing comes before admission because a route may have a gate of its own. A request is refused at one place per
 * reason: its form in limits.ts, its turn in admission.ts, its time in deadlines.ts.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
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
import { decorate } from "./respond/headers.ts";
import { informInTurn } from "./respond/informational-responses.ts";
import { restoreOffer } from "./parse/upgrade-requests.ts";
import { BodyGuard, inspectHead } from "./parse/limits.ts";
import { passTurn, tryBegin, wait } from "./parse/pipelining-order.ts";
import { isHeldUp } from "./respond/discard-body.ts";
import { refuseExpectation, refuseSocket } from "./respond/respond.ts";
import type { Route, Router } from "./route/router.ts";

export interface PipelineOptions {
  readonly config: ServerConfig;
  readonly app: LoadedApp;
  readonly router: Router;
  /** Those that the routes run on. */
  readonly models: ReadonlyMap<ModelName, StartModel>;
  readonly row: LoadRow;
  /** By route name: `*` is the server's gate, every route with a limit has its own. */
  readonly gates: Readonly<Record<string, GateHandle>>;
  readonly handlers: HandlerSource;
  readonly thread: number;
  readonly onHandlerFailed: (exchange: Exchange, error: unknown) => void;
  readonly misframed: (exchange: Exchange, fault: FramingFault) => void;
}

export class Pipeline {
  /** The exchanges of the thread, oldest first: what `threads` shows and the timeout sweep walks. */
  readonly exchanges: LinkedList<Exchange> = new LinkedList();
  /** What becomes of them in a drain. */
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

  /** `Expect: 100-continue`: the body is asked for only if the head is acceptable, and when its turn has come. */
  readonly handleContinue = (req: IncomingMessage, res: ServerResponse): void =>
    this.#enter(req, res, this.#app.acceptsExpect("checkContinue") ? "checkContinue" : "leave");

  /** Any other `Expect`: 417 unless the app knows better (RFC 9110 §10.1.1). */
  readonly handleExpectation = (req: IncomingMessage, res: ServerResponse): void => {
    if (this.#app.acceptsExpect("checkExpectation")) this.#enter(req, res, "checkExpectation");
    else refuseExpectation(req, res);
  };

  #enter(req: IncomingMessage, res: ServerResponse, expects: ExpectEvent | "leave" | undefined): void {
    const connection = connectionContext.getStore()!;
    if (connection.closing) {
      connection.hasMore = true;
      // So that its body is taken, and what comes behind it.
      req.resume();
      return;
    }
    if (connection.declined !== undefined) restoreOffer(req, connection);
    const nowMs = performance.now();
    this.#row.counters[COUNTER.started]!++;
    const head = inspectHead(req, this.#config);
    const exchange = new Exchange(req, res, this.#router.match(req.method!, req.url!), connection, nowMs);
    connection.current = exchange;
    connection.requested = thisMoment();
    if (connection.active++ > 0 && res.socket === null) informInTurn(res);
    connection.idleSinceMs = 0;
    if (expects === "leave") exchange.owesContinue = true;
    else exchange.expects = expects;
    this.exchanges.add(exchange);
    res.on("close", this.#onClose);
    if (this.#isLastOf(connection)) closeAfter(exchange);
    // As node:http says it (`keep-alive: timeout=5`) when it closes idle connections itself.
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
      exchange.refuse(head);
      return;
    }
    if (tryBegin(exchange)) this.#admission.admit(exchange, nowMs);
    else this.#waitInLine(exchange);
    // Once more: a handler that computes keeps this thread from hearing the end of its client's side.
    connection.requested = thisMoment();
  }

  #isLastOf(connection: ConnectionContext): boolean {
    const requests = ++connection.requests;
    return this.#closesAfterResponse || requests === this.#config.requestsPerConnection || connection.losesInput;
  }

  /** Behind others of its connection. Whoever sends more than may wait on the whole server is turned away. */
  #waitInLine(exchange: Exchange): void {
    const { waiting } = exchange.connection;
    if (waiting !== undefined && waiting.length >= (this.#config.queue || 1))
      this.#admission.shed(exchange, "OVERLOADED");
    else wait(exchange, () => this.#admission.admit(exchange, performance.now()));
  }

  /** Switching protocols leaves HTTP and with it the gate; what a handshake may look like is checked all the same. */
  readonly upgrade = (req: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const form = inspectHead(req, this.#config);
    if (this.#draining) refuseSocket(socket, "OVERLOADED");
    else if (form === "no-body") this.#modelOf(this.#router.match(req.method!, req.url!)).upgrade(req, socket, head);
    // A body here could be read as a request by one side and as frames by the other.
    else refuseSocket(socket, form === "body" ? "BAD_REQUEST" : form);
  };

  /** The connection has closed after node:http let go of it: answers that wait in it hear of that from nobody else. */
  readonly abandon = (connection: ConnectionContext): void => {
    for (const { connection: own, res } of this.exchanges) {
      if (own === connection) http.ServerResponse.prototype.destroy.call(res);
    }
  };

  /** What is running on this thread at this very moment, for whoever looks in from outside. */
  current(): Exchange | undefined {
    return connectionContext.getStore()?.current;
  }

  /** The handler threw or rejected: the client gets a 500 that tells nothing, the log gets everything. */
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
    for (const exchange of this.exchanges) {
      const { connection, res } = exchange;
      // A refusal behind it is the last.
      if (connection.current === exchange && !connection.refusesInTurn && !res.headersSent) closeAfter(exchange);
    }
  }

  /** Enforces every time limit; called by the thread's heartbeat. */
  sweep(nowMs: number): void {
    this.#admission.sweep(nowMs);
    for (const model of this.#models.values()) model.sweep?.(nowMs);
    this.#deadlines.sweep(nowMs);
    this.callingOff.look();
  }

  /** Calls back when no handler of the server's own model runs any more, if that model can tell; else at once. */
  whenIdle(next: () => void): void {
    if (this.#fallbackModel.whenIdle === undefined) next();
    else this.#fallbackModel.whenIdle(next);
  }

  close(): void {
    this.#accessLog?.flush();
  }

  readonly #execute = (exchange: Exchange, nowMs: number): void => {
    // Its body was refused while it waited; the slot goes on when the refusal is out.
    if (exchange.refusal !== undefined) return;
    exchange.state = "executing";
    exchange.executedMs = nowMs;
    if (exchange.owesContinue) giveLeave(exchange);
    this.#modelOf(exchange.route).execute(exchange);
  };

  #modelOf(route: Route): RunningModel {
    return route === this.#router.fallback ? this.#fallbackModel : this.#models.get(route.model)!;
  }

  /** The response is closed: `this` is the response, so that one function serves them all. */
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
    const complete = exchange.res.writableFinished;
    exchange.state = "ended";
    this.exchanges.remove(exchange);
    const { connection } = exchange;
    if (connection.current === exchange) connection.current = undefined;
    counters[COUNTER.finished]!++;
    if (!complete) {
      if (!exchange.overlong) counters[COUNTER.clientGone]!++;
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
    const hasRest = exchange.body !== undefined && !exchange.req.complete && complete;
    if (hasRest) this.#deadlines.watchRest(exchange, nowMs, isFetchApp(this.#app));
    else connection.leave(nowMs);
    if (!complete && !connection.stream.destroyed) cutInTurn(exchange);
    passTurn(exchange);
    this.#accessLog?.write(exchange, nowMs, complete || exchange.overlong);
    if (complete && connection.closing && connection.active === (hasRest ? 1 : 0)) connection.onLastAnswer?.(hasRest);
  }
}

/**
 * An app that has begun with a body, and stands still when its answer begins, will hardly read the rest; nothing else can be read
 * from the connection before that. Its client is told in the head that the connection ends with this response.
 */
function closeIfHeldUp(exchange: Exchange): void {
  const { req, res } = exchange;
  beforeHead(res, () => {
    if (isHeldUp(req)) closeAfter(exchange);
  });
}

/** Its handler is over with its response, and nobody can say that it reads on. */
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
 * The response was destroyed before its turn came: node:http would go on with what there is of it, and wait for the rest. What waits behind
 * it is not begun, for it can't be answered.
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
