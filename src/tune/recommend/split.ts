/**
 * The shape for an app some of whose routes hold their event loop: those get handler threads of their own, and all others share event
 * loops that nobody holds. Pure.
 */

import type { RouteProfile, Shape, ShapeRoute } from "../types.ts";
import type { Mix } from "./kind.ts";
import { routeKey } from "./route-key.ts";
import { threadsFor } from "./sizing.ts";

/** undefined: the heavy routes can't be told apart by a config file. */
export function splitShape({ heavy, light }: Mix, cores: number): Shape | undefined {
  const computing = (profiles: readonly RouteProfile[]): number =>
    profiles.reduce((sum, { cpuMs, weight = 1 }) => sum + cpuMs * weight, 0);
  const share = computing(light) / (computing(light) + computing(heavy));
  const workers = Math.max(1, Math.round(cores * (share || 0)));
  const routes: Record<string, ShapeRoute> = {};
  for (const { route, key = routeKey(route), cpuMs, waitMs } of heavy) {
    if (key === undefined) return undefined;
    const threads = Math.ceil(threadsFor(cores, cpuMs, waitMs) / workers);
    routes[key] = { model: "threads", threads: Math.max(threads, routes[key]?.threads ?? 0) };
  }
  return { model: "loop", workers, threads: 1, routes };
}
