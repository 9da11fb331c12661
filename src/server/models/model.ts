/**
 * The contract between the pipeline and a concurrency model: how a handler is run.
 *
 * The pipeline parses, routes, admits and answers; a model only executes. It is handed an exchange that was admitted
 * and has a route, and must see to it that the app's handler runs for it. Rules for every model:
 *
 * 1. `execute` returns at once; what the handler does later is seen through the response, never through a return value.
 * 2. A handler's failure (throw or rejection) is reported to `host.failed` exactly once, wherever the handler ran.
 * 3. The exchange's signal reaches the handler: client gone and timeout abort it.
 * 4. What a model can't do (`capabilities`) is told when the routes are read, not at the first request.
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
 * What the pipeline does for a model. Its functions are written as methods, so that the pipeline may take its own class: a
 * model gives back only exchanges that it was given.
 */
export interface ModelHost {
  readonly app: LoadedApp;
  readonly config: ServerConfig;
  readonly cpus: number;
  readonly handlers: HandlerSource;
  /** The handler of this exchange threw or rejected. */
  failed(this: void, exchange: HandledExchange, error: unknown): void;
  /** There was no room for this exchange in the model's own queue, or it waited there too long. */
  shed(this: void, exchange: HandledExchange, code: "OVERLOADED" | "QUEUE_TIMEOUT"): void;
  /** For requests that run in this pool of handler threads while their body arrives. */
  readonly uploadPlaces: (pool: string) => Places;
  /** What the handler wrote, elsewhere, could not be sent as it was. */
  misframed(this: void, exchange: HandledExchange, fault: FramingFault): void;
  readonly refuseUpgrade: (socket: Duplex) => void;
}

/** A bounded number of places, shared by the worker's threads, and a bounded line for them. */
export interface Places {
  tryEnter(): boolean;
  /** False: too many wait. `done` is called once, later. */
  enqueue(exchange: HandledExchange, nowMs: number, done: (end: "admitted" | "timed-out") => void): boolean;
  forget(exchange: HandledExchange): boolean;
  release(): void;
  sweep(nowMs: number): void;
}

/** The worker's pools of handler threads, as a serving thread reaches them. */
export interface HandlerSource {
  /** By the name of the pool. */
  readonly memories: Readonly<Record<string, PoolMemory>>;
  /** The pool's threads, those of now and those that come, are told to `sink`. */
  connect(pool: string, sink: HandlerSink): void;
  /** Requests wait. */
  wanted(pool: string): void;
  /** That thread is past its time; it is ended and replaced. */
  kill(pool: string, id: number, why: string): void;
}

export interface HandlerSink {
  add(id: number, link: LinkEnd): void;
  remove(id: number, why: Error): void;
}

export interface Model {
  readonly name: ModelName;
  readonly capabilities: { readonly upgrades: boolean };
  /** Imports what the model is made of: nobody pays for models that do not run. */
  load(): Promise<StartModel>;
}

export type StartModel = (host: ModelHost) => RunningModel;

export interface RunningModel {
  execute(exchange: HandledExchange): void;
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Calls back when none of its handlers runs any more, also behind an answer; at once if none does. */
  whenIdle?(next: () => void): void;
  /** Time limits of the model's own; called every few milliseconds with performance.now(). */
  sweep?(nowMs: number): void;
}
