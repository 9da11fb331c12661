/** The kinds of WebSockets that are actors: those of the app's exports, and those whose modules the routes name. */

import { pathToFileURL } from "node:url";
import type { RouteConfig } from "../../../config/config.ts";
import { HeddleError, messageOf } from "../../../errors/errors.ts";
import type { LoadedApp } from "../../app/load/load-app.ts";
import type { LoadedRoute } from "../../http/route/router.ts";
import { isSocketActor, type SocketActor } from "../../sockets/socket-actor.ts";

/** The export `websocket`. Another server's apps may export something else under this name. */
export function websocketOf({ websocket, file }: LoadedApp, warn: (message: string) => void): SocketActor | undefined {
  if (websocket === undefined || isSocketActor(websocket)) return websocket;
  warn(`${file}: its export websocket is ignored, because socketActor() has not made it`);
  return undefined;
}

/** @throws HeddleError CONFIG_BAD_VALUE */
export async function loadSocketRoutes(
  routes: Readonly<Record<string, RouteConfig>>,
): Promise<Readonly<Record<string, LoadedRoute>>> {
  const loaded = Object.entries(routes).map(async ([name, { websocket, ...route }]): Promise<[string, LoadedRoute]> => {
    if (websocket === undefined) return [name, route];
    const kind = typeof websocket === "string" ? await importKind(websocket, name) : websocket;
    return [name, { ...route, websocket: kind as SocketActor }];
  });
  return Object.fromEntries(await Promise.all(loaded));
}

async function importKind(path: string, route: string): Promise<SocketActor> {
  const where = `routes[${JSON.stringify(route)}].websocket`;
  let module: Readonly<Record<string, unknown>>;
  try {
    module = (await import(pathToFileURL(path).href)) as typeof module;
  } catch (cause) {
    throw new HeddleError("CONFIG_BAD_VALUE", `${where}: importing ${path} failed. ${messageOf(cause)}`, { cause });
  }
  const kind = [module["websocket"], module["default"]].find(isSocketActor);
  if (kind !== undefined) return kind;
  const exported = Object.keys(module).join(", ") || "nothing";
  throw new HeddleError(
    "CONFIG_BAD_VALUE",
    `${where}: ${path} exports ${exported}; expected what socketActor() makes, as websocket or default.`,
  );
}
