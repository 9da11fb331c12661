/** What is asked about a shape. Pure. */

import { isDeepStrictEqual } from "node:util";
import type { Shape } from "./types.ts";
import { print } from "./write/edit-config.ts";

export function isSameShape(a: Shape, b: Shape): boolean {
  return isDeepStrictEqual(a, b);
}

/** In all workers, with those of its routes. */
export function threadsOf({ workers, threads, routes = {} }: Shape): number {
  return workers * Object.values(routes).reduce((sum, route) => sum + route.threads, threads);
}

/** `threads 1 × 4`, as a person reads it. */
export function formatShape({ model, workers, threads, routes = {} }: Shape): string {
  const own = Object.entries(routes).map(
    ([key, route]) => ` + ${route.model} ${workers} × ${route.threads} for ${key}`,
  );
  return `${model} ${workers} × ${threads}${own.join("")}`;
}

/** `routes: { "GET /report": { model: "threads", threads: 2 } }`, as a config file has it. undefined: none has a model of its own. */
export function routesText({ routes }: Shape): string | undefined {
  return routes && `routes: ${print(routes)}`;
}
