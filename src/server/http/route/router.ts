/**
 * Finds the route of a request in the table of `routes` (config file and the app's own export). Matches method and path with
 * URLPattern. A request that no route matches belongs to the server's default route.
 *
 * Exact paths and patterns are compared in one normal form (config/routes/path-form.ts). So another spelling of the same
 * resource can't evade its route, and with it the route's model, limit and timeout.
 *
 * Order: an exact path before a pattern, patterns in the order they were written. Without routes nothing is matched, at no
 * cost. HEAD follows GET's route: RFC 9110 §9.3.2 makes it the same resource.
 */

import type { Limit, Priority, RouteConfig, ServerConfig } from "../../../config/config.ts";
import { routeForms, spelled, type RouteSpelling } from "../../../config/routes/route-forms.ts";
import { checkRouteModels } from "../../../config/routes/route-models.ts";
import { checkRouteSticky, isStickyModel } from "../../../config/sticky-rules.ts";
import { HeddleError } from "../../../errors/errors.ts";
import type { PoolSpec } from "../../models/offload/shared/offload-protocol.ts";
import type { ModelName } from "../../models/model.ts";
import type { SocketActor } from "../../sockets/socket-actor.ts";
import type { Gate } from "../admit/gate.ts";
import { pathOf } from "../parse/request-path.ts";

export interface Route {
  /** As the user wrote it (`GET /report/:id`), or `*` for the default route. */
  readonly name: string;
  readonly model: ModelName;
  /** The handler threads it runs on, if its model uses them. */
  readonly pool: PoolSpec | undefined;
  readonly timeoutMs: number;
  /** The route's own limit of concurrent requests, never 0; undefined: only the server's. */
  readonly limit: Limit | undefined;
  readonly queue: number;
  /** `high`: before all others at the gates. `always`: past them. */
  readonly priority: Priority;
  /** By what its clients get to one instance. */
  readonly sticky: ServerConfig["sticky"];
  /** Takes the WebSockets of the route. */
  readonly websocket: SocketActor | undefined;
  /** Set by the pipeline when the route has a limit. */
  gate: Gate | undefined;
}

/** Finds the handler threads of a route by its name, its model, and its own `threads` setting if it has one. */
export type PoolOf = (name: string, model: ModelName, threads: RouteConfig["threads"]) => PoolSpec | undefined;

export interface Router {
  readonly fallback: Route;
  readonly routes: readonly Route[];
  match(method: string, url: string): Route;
}

interface ExactRoutes {
  readonly byMethod: Map<string, Route>;
  /** The route written without a method. */
  any: Route | undefined;
}

interface Entry {
  readonly method: string | undefined;
  readonly pattern: URLPattern;
  readonly route: Route;
}

/** The settings of a route, when the module of its WebSockets is loaded. */
export type LoadedRoute = Omit<RouteConfig, "websocket"> & { readonly websocket?: SocketActor };

/** `websocket`: takes those of all other requests. */
export function createRouter(
  config: ServerConfig,
  routes: Readonly<Record<string, LoadedRoute>>,
  poolOf: PoolOf,
  websocket?: SocketActor,
): Router {
  checkRouteModels(config.model, routes, (name) => `route ${name}`);
  checkRouteSticky(config.model, routes, (name) => `route ${name}`);
  const fallback: Route = {
    name: "*",
    model: config.model,
    pool: poolOf("*", config.model, undefined),
    timeoutMs: config.timeoutMs,
    limit: undefined,
    queue: config.queue,
    priority: "normal",
    sticky: config.sticky,
    websocket,
    gate: undefined,
  };
  const exact = new Map<string, ExactRoutes>();
  const entries: Entry[] = [];
  const all: Route[] = [];
  for (const { name, settings, method, path, isPattern } of routeForms(routes, config)) {
    const model = settings.model ?? config.model;
    const route: Route = {
      name,
      model,
      pool: poolOf(name, model, settings.threads),
      timeoutMs: settings.timeoutMs ?? config.timeoutMs,
      // 0 is no limit, as for the server.
      limit: settings.limit === 0 ? undefined : settings.limit,
      queue: settings.queue ?? config.queue,
      priority: settings.priority ?? "normal",
      sticky: settings.sticky ?? (isStickyModel(model) ? config.sticky : "none"),
      websocket: settings.websocket,
      gate: undefined,
    };
    all.push(route);
    if (isPattern) entries.push({ method, pattern: compile(name, path, config), route });
    else addExact(exact, path, method, route);
  }
  const match = all.length === 0 ? () => fallback : matcher(exact, entries, fallback, config);
  return { fallback, routes: all, match };
}

function compile(name: string, pathname: string, { routeCase }: RouteSpelling): URLPattern {
  try {
    return new URLPattern({ pathname }, { ignoreCase: routeCase === "insensitive" });
  } catch (cause) {
    throw new HeddleError("CONFIG_BAD_VALUE", `Route ${JSON.stringify(name)}: its path is not a valid URLPattern.`, {
      cause,
    });
  }
}

function addExact(exact: Map<string, ExactRoutes>, path: string, method: string | undefined, route: Route): void {
  let routes = exact.get(path);
  if (routes === undefined) exact.set(path, (routes = { byMethod: new Map(), any: undefined }));
  if (method === undefined) routes.any = route;
  else routes.byMethod.set(method, route);
}

function matcher(
  exact: ReadonlyMap<string, ExactRoutes>,
  entries: readonly Entry[],
  fallback: Route,
  spelling: RouteSpelling,
): Router["match"] {
  return (method, url) => {
    const pathname = pathOf(url);
    const asMethod = method === "HEAD" ? "GET" : method;
    const routes = exact.get(spelled(pathname, spelling));
    const found = routes?.byMethod.get(asMethod) ?? routes?.any;
    if (found !== undefined) return found;
    if (pathname === "") return fallback;
    for (const entry of entries) {
      if ((entry.method === undefined || entry.method === asMethod) && entry.pattern.test({ pathname }))
        return entry.route;
    }
    return fallback;
  };
}
