/**
 * Which pool of handler threads a route uses, and how large it is. Pure.
 *
 * A route with `threads` has a pool of its own, so that it can be held apart from the rest; all other routes of a model share
 * one. The server's `--threads` sizes the shared pool when the server itself runs under that model; under another model
 * it counts serving threads, and the shared pool has the default size.
 */

import type { RouteConfig, ServerConfig } from "../../../../config/config.ts";
import type { ModelName } from "../../model.ts";
import type { PoolSpec } from "../shared/offload-protocol.ts";

export function poolOf(
  config: ServerConfig,
  name: string,
  model: ModelName,
  threads: RouteConfig["threads"],
): PoolSpec | undefined {
  if (!runsOnHandlerThreads(model)) return undefined;
  if (threads !== undefined) return { name, model, ...threads };
  if (config.model === model) return { name: model, model, ...config.threads };
  return { name: model, model, min: 1, max: Math.max(4, config.threads.max) };
}

export function runsOnHandlerThreads(model: ModelName): model is PoolSpec["model"] {
  return model === "threads" || model === "thread-per-request";
}

/** How many threads of a worker parse HTTP. One feeds many handler threads. */
export function servingThreads({ model, threads }: ServerConfig): number {
  return model === "sync" || runsOnHandlerThreads(model) ? 1 : threads.max;
}
