/**
 * Chooses the handler pool of a route, and its size. Pure.
 *
 * A route with `threads` has its own pool, so that it is isolated from the rest. All other routes of a model share one. If
 * the server itself runs under that model, `--threads` sizes the shared pool. Under another model, `--threads` counts serving
 * threads, and the shared pool has the default size.
 *
 * Under `tasks` a pool has a fixed number of threads, one for each CPU by default: a thread runs any number of requests, so more
 * of them are no use, and fewer would leave CPUs idle.
 */

import type { RouteConfig, ServerConfig } from "../../../../config/config.ts";
import { availableCpus } from "../../../../config/cpus.ts";
import type { ModelName } from "../../model.ts";
import type { PoolSpec } from "../shared/offload-protocol.ts";

export function poolOf(
  config: ServerConfig,
  name: string,
  model: ModelName,
  threads: RouteConfig["threads"],
): PoolSpec | undefined {
  if (!runsOnHandlerThreads(model)) return undefined;
  if (model === "tasks") return { name: threads === undefined ? model : name, model, ...fixed(config, threads) };
  if (threads !== undefined) return { name, model, ...threads };
  if (config.model === model) return { name: model, model, ...config.threads };
  return { name: model, model, min: 1, max: Math.max(4, config.threads.max) };
}

function fixed(
  { model, threads }: ServerConfig,
  own: RouteConfig["threads"],
): { readonly min: number; readonly max: number } {
  const { max } = own ?? (model === "tasks" ? threads : { max: availableCpus() });
  return { min: max, max };
}

export function runsOnHandlerThreads(model: ModelName): model is PoolSpec["model"] {
  return model === "threads" || model === "thread-per-request" || model === "tasks";
}

/** How many threads of a worker parse HTTP. One can feed many handler threads. */
export function servingThreads({ model, threads }: ServerConfig): number {
  return model === "sync" || runsOnHandlerThreads(model) ? 1 : threads.max;
}

/** Whether a worker is one event loop. Then it runs on the worker's main thread, as in a process of bare Node. */
export function isOneLoop(config: ServerConfig): boolean {
  return servingThreads(config) === 1 && !runsOnHandlerThreads(config.model);
}
