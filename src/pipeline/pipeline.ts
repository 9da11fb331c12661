/**
 * The path of a request on a serving thread, in order:
 *
 *   parse (node:http, connection.ts) → check (limits.ts) → route (router.ts) → admit (gate.ts) → execute (a model)
 *   → respond (the app, or respond.ts) → end (counted, logged, slot given back)
 *
 * Routing comes before admission because a route may have a gate of its own. A request is refused at one place per
 * reason: its form in `check`, its turn in `admit`, its time in `sweep`.
 */

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
import { connectionContext } from "./connection-context.ts";
import { type CarriesExchange, Exchange, ExchangeList, exchangeOf } from "./exchange.ts";
import { Gate, type GateHandle } from "./gate.ts";
import { decorate } from "./headers.ts";
import { BodyGuard, inspectHead } from "./limits.ts";
import { refuse } from "./respond.ts";
import type { Router } from "./router.ts";

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
  #closesAfterResponse: boolean;

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
    this.#fallbackModel = this.#models.get(this.#router.fallback.model)!;
  }

  /** check → route → admit → execute. */
  readonly handle = (req: IncomingMessage, res: ServerResponse): void => this.#enter(req, res, undefined);

  /** `Expect: 100-continue`: the body is asked for only if the head is acceptable. */
  readonly handleContinue = (req: IncomingMessage, res: ServerResponse): void => {
    if (this.#app.acceptsExpect("checkContinue")) {
      this.#enter(req, res, "checkContinue");
      return;
    }
    const head = inspectHead(req, this.#config);
    if (head === "body" || head === "no-body") res.writeContinue();
    this.#enter(req, res, undefined);
  };

  /** Any other `Expect`: 417 unless the app knows better (RFC 9110 §10.1.1). */
  readonly handleExpectation = (req: IncomingMessage, res: ServerResponse): void => {
    if (this.#app.acceptsExpect("checkExpectation")) this.#enter(req, res, "checkExpectation");
    else res.writeHead(417).end();
  };

  #enter(req: IncomingMessage, res: ServerResponse, expects: ExpectEvent | undefined): void {
    const nowMs = performance.now();
    this.#row.counters[COUNTER.started]!++;
    const head = inspectHead(req, this.#config);
    const connection = connectionContext.getStore()!;
    const exchange = new Exchange(req, res, this.#router.match(req.method!, req.url!), connection, nowMs);
    connection.current = exchange;
    connection.active++;
    connection.idleSinceMs = 0;
    exchange.expects = expects;
    this.exchanges.add(exchange);
    res.on("close", this.#onClose);
    if (this.#closesAfterResponse) res.shouldKeepAlive = false;
    else this.#hintKeepAlive(res);
    if (this.#decorates) decorate(exchange, this.#config, this.#thread);
    if (head === "no-body") {
      this.#admit(exchange, nowMs);
    } else if (head === "body") {
      exchange.body = new BodyGuard(req, this.#config, nowMs, () => this.#refuse(exchange, "BODY_TOO_LARGE"));
      this.#admit(exchange, nowMs);
    } else {
      this.#refuse(exchange, head);
    }
  }

  readonly upgrade = (req: IncomingMessage, socket: Duplex, head: Buffer): void => {
    this.#models.get(this.#router.match(req.method!, req.url!).model)!.upgrade(req, socket, head);
  };

  /** What is running on this thread at this very moment, for whoever looks in from outside. */
  current(): Exchange | undefined {
    return connectionContext.getStore()?.current;
  }

  /** The handler threw or rejected: the client gets a 500 that tells nothing, the log gets everything. */
  fail(exchange: Exchange, error: unknown): void {
    this.#row.counters[COUNTER.failed]!++;
    this.#onHandlerFailed(exchange, error);
    this.#refuse(exchange, "HANDLER_FAILED");
  }

  /** From now on every response closes its connection. */
  drain(): void {
    this.#closesAfterResponse = true;
    for (const { res } of this.exchanges) if (!res.headersSent) res.shouldKeepAlive = false;
  }

  /** Enforces every time limit; called by the thread's heartbeat. */
  sweep(nowMs: number): void {
    for (const gate of this.#gates) gate.sweep(nowMs);
    for (const exchange of this.exchanges) this.#judge(exchange, nowMs);
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
    const queued = gate.enqueue(exchange, nowMs, (end) => {
      this.#row.counters[COUNTER.queued]!--;
      exchange.queuedAt = undefined;
      // It is somebody else's callback that gave the slot: the handler must run in its own connection's context.
      if (end === "admitted") connectionContext.run(exchange.connection, then, exchange, performance.now());
      else this.#shed(exchange, "QUEUE_TIMEOUT");
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
    exchange.state = "executing";
    exchange.executedMs = nowMs;
    const { route } = exchange;
    const model = route === this.#router.fallback ? this.#fallbackModel : this.#models.get(route.model)!;
    model.execute(exchange);
  };

  /** Says how long the connection stays open (`keep-alive: timeout=5`), as node:http does when it closes them itself. */
  #hintKeepAlive(res: ServerResponse): void {
    (res as ServerResponse & { _keepAliveTimeout: number })._keepAliveTimeout = this.#config.keepAliveMs;
  }

  #shed(exchange: Exchange, code: ErrorCode): void {
    this.#row.counters[COUNTER.shed]!++;
    this.#refuse(exchange, code);
  }

  #refuse(exchange: Exchange, code: ErrorCode): void {
    exchange.refusal ??= code;
    refuse(exchange.req, exchange.res, code);
  }

  #judge(exchange: Exchange, nowMs: number): void {
    const { res, route } = exchange;
    if (exchange.refusal !== undefined) return;
    let sinceMs = exchange.executedMs;
    if (exchange.body !== undefined) {
      const state = exchange.body.sweep(nowMs);
      if (state === "arriving") return;
      if (state !== "complete") {
        exchange.abort("TimeoutError", "the request's body stopped arriving");
        this.#refuse(exchange, state);
        return;
      }
      sinceMs = Math.max(sinceMs, exchange.body.arrivingUntilMs);
    }
    if (exchange.state !== "executing" || res.headersSent || route.timeoutMs === 0 || nowMs - sinceMs < route.timeoutMs)
      return;
    this.#row.counters[COUNTER.timedOut]!++;
    exchange.abort("TimeoutError", `the handler did not answer within ${route.timeoutMs} ms`);
    this.#refuse(exchange, "HANDLER_TIMEOUT");
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
    if (--connection.active === 0) connection.idleSinceMs = nowMs;
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
    this.#accessLog?.write(exchange, nowMs, complete);
  }
}
