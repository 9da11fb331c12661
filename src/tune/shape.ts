/** What is asked about a shape. Pure. */

import type { Shape } from "./types.ts";

export function isSameShape(a: Shape, b: Shape): boolean {
  return textOf(a) === textOf(b);
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
  if (routes === undefined) return undefined;
  const lines = Object.entries(routes).map(
    ([key, { model, threads }]) => `${JSON.stringify(key)}: { model: ${JSON.stringify(model)}, threads: ${threads} }`,
  );
  return `routes: { ${lines.join(", ")} }`;
}

function textOf({ model, workers, threads, routes = {} }: Shape): string {
  const ofRoutes = Object.entries(routes).map(([key, route]) => [key, route.model, route.threads]);
  return JSON.stringify([model, workers, threads, ofRoutes]);
}
