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
import type { ModelName } from "../config/config.ts";
import type { LoadedApp } from "../app/load-app.ts";
import type { Exchange } from "../pipeline/exchange.ts";

export type { ModelName };

export interface ModelHost {
  readonly app: LoadedApp;
  /** The handler of this exchange threw or rejected. */
  failed(exchange: Exchange, error: unknown): void;
}

export interface Model {
  readonly name: ModelName;
  readonly capabilities: { readonly upgrades: boolean };
  start(host: ModelHost): RunningModel;
}

export interface RunningModel {
  execute(exchange: Exchange): void;
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
}
