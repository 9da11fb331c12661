/**
 * The path of a request on a serving thread, in order:
 *
 *   parse (node:http, connection.ts) → check (limits.ts) → route (router.ts) → admit (gate.ts) → execute (a model)
 *   → respond (the app, or respond.ts) → end (counted, logged, slot given back)
 *
 * Routing comes before admission because a route may have a gate of its own. A request is refused at one place per
 * reason: its form in `check`, its turn in `admit`, its time in `sweep`.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { ExpectEvent, LoadedApp } from "../app/load-app.ts";
import type { ServerConfig } from "../config/config.ts";
import type { ErrorCode } from "../errors/errors.ts";
import { COUNTER, type LoadRow } from "../fabric/load-board.ts";
import { bucketOf } from "../metrics/latency-histogram.ts";
import type { RunningModel } from "../models/model.ts";
import { modelNamed } from "../models/registry.ts";
import { AccessLog } from "./access-log.ts";
import { type ConnectionContext, connectionContext } from "./connection-context.ts";
import { cutShort } from "./cut-short.ts";
import { type CarriesExchange, Exchange, ExchangeList, exchangeOf } from "./exchange.ts";
import { Gate, type GateHandle } from "./gate.ts";
import { decorate } from "./headers.ts";
import { BodyGuard, DroppedBody, inspectHead } from "./limits.ts";
import { endLingering, refuseExpectation, refuseSocket } from "./respond.ts";
import type { Route, Router } from "./router.ts";

export interface PipelineOptions {
  readonly config: ServerConfig;
  readonly app: LoadedApp;
  readonly router: Router;
  readonly row: LoadRow;
  /** By route name: `*` is the server's gate, every route with a limit has its own. */
  readonly gates: Readonly<Record<string, GateHandle>>;
  readonly thread: number;
  readonly onHandlerFailed: (exchange: Exchange, error: unknown) => void;
}

export class Pipeline {
  readonly exchanges: ExchangeList = new ExchangeList();
  readonly #app: LoadedApp;
  readonly #config: ServerConfig;
  readonly #row: LoadRow;
  readonly #router: Router;
  readonly #gate: Gate;
  readonly #gates: readonly Gate[];
  readonly #models = new Map<string, RunningModel>();
  readonly #fallbackModel: RunningModel;
  readonly #accessLog: AccessLog | undefined;
  readonly #thread: number;
  readonly #decorates: boolean;
  readonly #onHandlerFailed: PipelineOptions["onHandlerFailed"];
  /** Bodies still arriving whose response is out already. */
  readonly #dropped = new Set<DroppedBody>();
  readonly #sweepIntervalMs: number;
  #sweptMs = 0;
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
    this.#gate = new Gate(options.gates["*"]!, config.queueTimeoutMs);
    const gates = [this.#gate];
    for (const route of this.#router.routes) {
      if (route.limit === undefined) continue;
      route.gate = new Gate(options.gates[route.name]!, config.queueTimeoutMs);
      gates.push(route.gate);
    }
    this.#gates = gates;
    const host = { app: options.app, failed: (exchange: Exchange, error: unknown) => this.fail(exchange, error) };
    for (const route of [this.#router.fallback, ...this.#router.routes]) {
      if (this.#models.has(route.model)) continue;
      const where = route === this.#router.fallback ? "--model" : `route ${route.name}`;
      this.#models.set(route.model, modelNamed(route.model, where).start(host));
    }
    this.#sweepIntervalMs = sweepIntervalMs(config, [this.#router.fallback, ...this.#router.routes]);
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
    if (connection.closing) return;
    const nowMs = performance.now();
    this.#row.counters[COUNTER.started]!++;
    const head = inspectHead(req, this.#config);
    const exchange = new Exchange(req, res, this.#router.match(req.method!, req.url!), connection, nowMs);
    connection.current = exchange;
    connection.active++;
    connection.idleSinceMs = 0;
    if (expects === "leave") exchange.owesContinue = true;
    else exchange.expects = expects;
    this.exchanges.add(exchange);
    res.on("close", this.#onClose);
    if (this.#closesAfterResponse || ++connection.requests === this.#config.requestsPerConnection) closeAfter(exchange);
    else this.#hintKeepAlive(res);
    if (this.#decorates) decorate(exchange, this.#config, this.#thread);
    if (head === "no-body") {
      this.#admit(exchange, nowMs);
    } else if (head === "body") {
      exchange.body = new BodyGuard(req, this.#config, nowMs, () => this.#bodyTooLarge(exchange));
      this.#admit(exchange, nowMs);
    } else {
      exchange.refuse(head);
    }
  }

  /** Switching protocols leaves HTTP and with it the gate; what a handshake may look like is checked all the same. */
  readonly upgrade = (req: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const form = inspectHead(req, this.#config);
    if (this.#draining) refuseSocket(socket, "OVERLOADED");
    else if (form === "no-body") this.#modelOf(this.#router.match(req.method!, req.url!)).upgrade(req, socket, head);
    // A body here could be read as a request by one side and as frames by the other.
    else refuseSocket(socket, form === "body" ? "BAD_REQUEST" : form);
  };

  /** What is running on this thread at this very moment, for whoever looks in from outside. */
  current(): Exchange | undefined {
    return connectionContext.getStore()?.current;
  }

  /** The handler threw or rejected: the client gets a 500 that tells nothing, the log gets everything. */
  fail(exchange: Exchange, error: unknown): void {
    if (exchange.aborted) return;
    this.#row.counters[COUNTER.failed]!++;
    this.#onHandlerFailed(exchange, error);
    exchange.refuse("HANDLER_FAILED");
  }

  /** From now on every connection is closed with the response to its latest request. */
  drain(): void {
    this.#draining = true;
    this.#closesAfterResponse = true;
    for (const exchange of this.exchanges) {
      if (exchange.connection.current === exchange && !exchange.res.headersSent) closeAfter(exchange);
    }
  }

  /** Enforces every time limit; called by the thread's heartbeat. */
  sweep(nowMs: number): void {
    if (nowMs - this.#sweptMs < this.#sweepIntervalMs) return;
    this.#sweptMs = nowMs;
    for (const gate of this.#gates) gate.sweep(nowMs);
    for (const exchange of this.exchanges) this.#judge(exchange, nowMs);
    for (const body of this.#dropped) this.#judgeDropped(body, nowMs);
  }

  close(): void {
    this.#accessLog?.flush();
  }

  #admit(exchange: Exchange, nowMs: number): void {
    const { gate } = exchange.route;
    if (gate === undefined) this.#pass(this.#gate, exchange, nowMs, this.#execute);
    else this.#pass(gate, exchange, nowMs, this.#enterServerGate);
  }

  readonly #enterServerGate = (exchange: Exchange, nowMs: number): void => {
    exchange.holdsRouteSlot = true;
    this.#pass(this.#gate, exchange, nowMs, this.#execute);
  };

  #pass(gate: Gate, exchange: Exchange, nowMs: number, then: (exchange: Exchange, nowMs: number) => void): void {
    const admission = gate.tryEnter();
    if (admission) {
      then(exchange, nowMs);
      return;
    }
    // It is somebody else's request that gives the slot: this one's handler must not run in that one's async context.
    const admitted = AsyncLocalStorage.bind(() => then(exchange, performance.now()));
    const queued = gate.enqueue(exchange, nowMs, (end) => {
      this.#row.counters[COUNTER.queued]!--;
      exchange.queuedAt = undefined;
      if (end === "admitted") admitted();
      else {
        // All of its time was queue time.
        exchange.executedMs = performance.now();
        this.#shed(exchange, "QUEUE_TIMEOUT");
      }
    });
    if (!queued) {
      this.#shed(exchange, "OVERLOADED");
      return;
    }
    exchange.state = "queued";
    exchange.queuedAt = gate;
    this.#row.counters[COUNTER.queued]!++;
  }

  readonly #execute = (exchange: Exchange, nowMs: number): void => {
    exchange.holdsServerSlot = true;
    // Its body was refused while it waited; the slot goes on when the refusal is out.
    if (exchange.refusal !== undefined) return;
    exchange.state = "executing";
    exchange.executedMs = nowMs;
    if (exchange.owesContinue) {
      exchange.owesContinue = false;
      exchange.res.writeContinue();
    }
    this.#modelOf(exchange.route).execute(exchange);
  };

  #modelOf(route: Route): RunningModel {
    return route === this.#router.fallback ? this.#fallbackModel : this.#models.get(route.model)!;
  }

  /** Says how long the connection stays open (`keep-alive: timeout=5`), as node:http does when it closes them itself. */
  #hintKeepAlive(res: ServerResponse): void {
    // oxlint-disable-next-line no-underscore-dangle -- node:http's name
    (res as ServerResponse & { _keepAliveTimeout: number })._keepAliveTimeout = this.#config.keepAliveMs;
  }

  #shed(exchange: Exchange, code: ErrorCode): void {
    this.#row.counters[COUNTER.shed]!++;
    exchange.refuse(code);
  }

  #bodyTooLarge(exchange: Exchange): void {
    if (exchange.state === "ended") this.#cutDropped(exchange.req, "BODY_TOO_LARGE");
    else exchange.refuse("BODY_TOO_LARGE", "the request's body is larger than the limit");
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
    if (exchange.state !== "executing" || res.headersSent || route.timeoutMs === 0 || nowMs - sinceMs < route.timeoutMs)
      return;
    this.#row.counters[COUNTER.timedOut]!++;
    exchange.refuse("HANDLER_TIMEOUT", `the handler did not answer within ${route.timeoutMs} ms`);
  }

  #judgeDropped(body: DroppedBody, nowMs: number): void {
    const state = body.sweep(nowMs);
    if (state === "arriving") return;
    this.#dropped.delete(body);
    leave(connectionOf(body.req), nowMs);
    if (state !== "complete") this.#cutDropped(body.req, state);
  }

  #cutDropped(req: IncomingMessage, code: ErrorCode): void {
    cutShort(req, code);
    endLingering(req.socket);
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
      counters[COUNTER.clientGone]!++;
      exchange.abort("AbortError", "the client went away");
    }
    if (exchange.queuedAt?.forget(exchange) === true) counters[COUNTER.queued]!--;
    if (exchange.holdsServerSlot) {
      this.#gate.release();
      this.#row.handlerCounts[bucketOf((nowMs - exchange.executedMs) * 1000)]!++;
      const queuedMs = exchange.executedMs - exchange.receivedMs;
      if (queuedMs > 0) this.#row.queueCounts[bucketOf(queuedMs * 1000)]!++;
    }
    if (exchange.holdsRouteSlot) exchange.route.gate!.release();
    if (exchange.body !== undefined && !exchange.req.complete && complete) {
      this.#dropped.add(new DroppedBody(exchange.req, this.#config, nowMs));
    } else {
      leave(connection, nowMs);
    }
    this.#accessLog?.write(exchange, nowMs, complete);
  }
}

function closeAfter({ res, connection }: Exchange): void {
  res.shouldKeepAlive = false;
  connection.closing = true;
}

function connectionOf(req: IncomingMessage): ConnectionContext {
  return (req as CarriesExchange)[exchangeOf]!.connection;
}

/** One request fewer in progress on the connection; after the last it waits for the next. */
function leave(connection: ConnectionContext, nowMs: number): void {
  if (--connection.active === 0) connection.idleSinceMs = nowMs;
}

/** Whether the client has been told to send its body, or never asked. */
function isAskedFor({ owesContinue, expects, res }: Exchange): boolean {
  if (owesContinue) return false;
  // oxlint-disable-next-line no-underscore-dangle -- node:http's name
  return expects !== "checkContinue" || (res as ServerResponse & { _sent100: boolean })._sent100;
}

const MIN_SWEEP_MS = 25;
const MAX_SWEEP_MS = 500;

/** Often enough to keep the shortest time limit to a twentieth: with ten thousand requests in flight a look is not free. */
function sweepIntervalMs(config: ServerConfig, routes: readonly Route[]): number {
  const limits = [config.queueTimeoutMs, config.bodyIdleTimeoutMs, ...routes.map(({ timeoutMs }) => timeoutMs)];
  const shortest = Math.min(...limits.filter((ms) => ms > 0));
  return Math.min(MAX_SWEEP_MS, Math.max(MIN_SWEEP_MS, shortest / 20));
}
