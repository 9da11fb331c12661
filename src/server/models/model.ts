/**
 * The contract between the pipeline and a concurrency model: how a handler is run.
 *
 * The pipeline parses, routes, admits and answers. A model only executes: it gets an exchange that is admitted and routed,
 * and runs the app's handler for it. Rules for every model:
 *
 * 1. `execute` returns at once. What the handler does later shows in the response, never in a return value.
 * 2. A handler's failure (throw or rejection) is reported to `host.failed` exactly once, wherever the handler ran.
 * 3. The exchange's signal reaches the handler. It aborts when the client leaves or the time is over.
 * 4. What a model can't do (`capabilities`) is reported when the routes are read, not at the first request.
 */

import type { Duplex } from "node:stream";
import type { IncomingMessage } from "node:http";
import type { ModelName, ServerConfig } from "../../config/config.ts";
import type { LoadedApp } from "../app/load/load-app.ts";
import type { FramingFault } from "../app/response-framing.ts";
import type { HandledExchange } from "./handled-exchange.ts";
import type { LinkEnd, PoolMemory } from "./offload/shared/offload-protocol.ts";

export type { ModelName };

/**
 * What the pipeline does for a model. Its functions are declared as methods, so that the pipeline may take its own exchange
 * class: a model passes back only exchanges that it got.
 */
export interface ModelHost {
  readonly app: LoadedApp;
  readonly config: ServerConfig;
  readonly cpus: number;
  readonly handlers: HandlerSource;
  /** The handler of this exchange threw or rejected. */
  failed(this: void, exchange: HandledExchange, error: unknown): void;
  /**
   * The code of this exchange held up its thread for too long and was ended, or can't go on because another's was. `inReading`: on the
   * stack that reads the connection, from which nothing more can be read then.
   */
  cutOff(this: void, exchange: HandledExchange, code: "HANDLER_RAN_AWAY" | "HANDLER_LOST", inReading: boolean): void;
  /** There was no room for this exchange in the model's own queue, or it waited there too long. */
  shed(this: void, exchange: HandledExchange, code: "OVERLOADED" | "QUEUE_TIMEOUT"): void;
  /** The places for requests that run in this handler pool while their body arrives. */
  readonly uploadPlaces: (pool: string) => Places;
  /** The handler's response, written on another thread, could not be sent as it was. */
  misframed(this: void, exchange: HandledExchange, fault: FramingFault): void;
  readonly refuseUpgrade: (socket: Duplex) => void;
}

/**
 * How a wait for a place ends. `delayed`: it waited too long for a server that is overloaded. `displaced`: its place in the queue went
 * to another one.
 */
export type WaitEnd = "admitted" | "timed-out" | "delayed" | "displaced";

/** A bounded number of places with a bounded queue, shared by the worker's threads. */
export interface Places {
  tryEnter(): boolean;
  /** False: too many wait. `done` is called once, later. */
  enqueue(exchange: HandledExchange, nowMs: number, done: (end: WaitEnd) => void): boolean;
  forget(exchange: HandledExchange): boolean;
  release(): void;
  sweep(nowMs: number): void;
}

/** The worker's pools of handler threads, as a serving thread reaches them. */
export interface HandlerSource {
  /** By the name of the pool. */
  readonly memories: Readonly<Record<string, PoolMemory>>;
  /** Tells `sink` the pool's current threads, and later ones. */
  connect(pool: string, sink: HandlerSink): void;
  /** Requests wait for a thread of the pool. */
  wanted(pool: string): void;
  /** That thread is past its time. It is killed and replaced. */
  kill(pool: string, id: number, why: string): void;
}

export interface HandlerSink {
  add(id: number, link: LinkEnd): void;
  remove(id: number, why: Error): void;
}

export interface Model {
  readonly name: ModelName;
  readonly capabilities: { readonly upgrades: boolean };
  /** Imports the model's code: models that are not used are not loaded. */
  load(): Promise<StartModel>;
}

export type StartModel = (host: ModelHost) => RunningModel;

export interface RunningModel {
  execute(exchange: HandledExchange): void;
  /** What the app's listeners throw or reject with is passed on. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void | Promise<void>;
  /** Calls back when none of its handlers runs any more, even if its answer is out. At once if none runs. */
  whenIdle?(next: () => void): void;
  /** Enforces the model's own time limits. Called every few milliseconds with performance.now(). */
  sweep?(nowMs: number): void;
}
