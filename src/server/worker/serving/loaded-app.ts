/**
 * What a serving thread finds out about the app that it has loaded: its routes, what it can't serve, and what the acceptor is told of
 * it. The acceptor answers with the gates of the routes.
 */

import type { LoadedApp } from "../../app/load/load-app.ts";
import { applyServerSettings } from "../../app/server-settings.ts";
import { isFirst } from "../../app/instance.ts";
import type { RouteConfig, ServerConfig } from "../../../config/config.ts";
import { HeddleError } from "../../../errors/errors.ts";
import { modelRefused } from "../../models/own-servers.ts";
import { type UpgradesTold, upgradesRefused } from "../../models/upgrades.ts";
import type { PoolSpec } from "../../models/offload/shared/offload-protocol.ts";
import { runsOnHandlerThreads, servingThreads } from "../../models/offload/dispatch/pools.ts";
import { uploadPlaces } from "../../models/offload/dispatch/uploads.ts";
import { uploadGate } from "../../http/admit/gate.ts";
import type { Route, Router } from "../../http/route/router.ts";
import { asksForCertificates, type OwnProtocol, protocolOf } from "../../../platform/app-servers.ts";
import type { AppSummary, FromThread, LimitedRoute } from "./serving-protocol.ts";

/** How many copies of the app run handlers. 0 on all threads of the server but one, which speaks for them. */
export function copiesOf(config: ServerConfig): number {
  const { workers, model, threads } = config;
  if (!isFirst) return 0;
  return workers * (runsOnHandlerThreads(model) ? threads.max : servingThreads(config));
}

/** The code that reads routes is loaded only if there are any. */
export async function routesOf(
  { routes, file }: LoadedApp,
  { cwd }: ServerConfig,
): Promise<Readonly<Record<string, RouteConfig>>> {
  if (routes === undefined) return {};
  const { readRoutes } = await import("../../../config/routes/routes.ts");
  return readRoutes(routes, file, cwd, true);
}

export function upgradesOf(app: LoadedApp, { fallback, routes }: Router): UpgradesTold | undefined {
  return app.acceptsUpgrade() ? upgradesRefused([fallback, ...routes]) : undefined;
}

/** What the app's own server does for a connection does not reach every model. @throws HeddleError APP_SERVES_HTTP2, APP_SERVES_TLS */
export function refuseModels(app: LoadedApp, routes: readonly Route[], config: ServerConfig): void {
  const refusal = modelRefused(ownProtocol(app, config), asksForCertificates(app.server()), routes);
  if (refusal !== undefined)
    throw new HeddleError(refusal.code, `${app.file}: ${refusal.message}`, { hint: refusal.hint });
}

/** What the app's own server does with the connections, unless heddle does TLS. */
export function ownProtocol(app: LoadedApp, { tlsCert }: ServerConfig): OwnProtocol | undefined {
  const server = app.server();
  return server === undefined || tlsCert !== undefined ? undefined : protocolOf(server);
}

/** Differences between the routes and the app's own router. Without routes none matters, and nothing is loaded. */
async function differences({ routes }: Router, app: LoadedApp, config: ServerConfig): Promise<readonly string[]> {
  if (routes.length === 0) return [];
  const { routingWarnings } = await import("../../http/route/routing-warnings.ts");
  return routingWarnings(await app.ownRouter(), config);
}

/** The message that reports it. `node`: what this Node lacks. The acceptor answers with the gates of the routes with limits. */
export async function describeLoaded(
  router: Router,
  app: LoadedApp,
  node: readonly string[],
  config: ServerConfig,
): Promise<FromThread & { type: "loaded" }> {
  const routing = await differences(router, app, config);
  const all = [router.fallback, ...router.routes];
  const pools = poolsOf(all);
  const limited: LimitedRoute[] = [
    ...router.routes.flatMap(({ name, limit, queue }) =>
      limit === undefined ? [] : [{ name, limit, queue, isOfServer: true }],
    ),
    ...pools.map(({ name, max }) => ({
      name: uploadGate(name),
      limit: uploadPlaces(max),
      queue: config.queue,
      isOfServer: false,
    })),
  ];
  const summary: AppSummary = {
    file: app.file,
    shape: app.shape,
    routes: all.map(({ name, model, pool, timeoutMs, limit, sticky }) => ({
      name,
      model,
      timeoutMs,
      sticky,
      ...(pool === undefined ? {} : { pool }),
      ...(limit === undefined ? {} : { limit }),
    })),
    upgrades: upgradesOf(app, router),
    protocol: ownProtocol(app, config),
    server: applyServerSettings(config, app.server()).settings,
    routing,
    node,
  };
  return { type: "loaded", limited, pools, summary };
}

/** Routes of one model share a pool, unless they have their own. */
function poolsOf(routes: readonly Route[]): PoolSpec[] {
  const pools = new Map(routes.flatMap(({ pool }) => (pool === undefined ? [] : [[pool.name, pool] as const])));
  return [...pools.values()];
}
