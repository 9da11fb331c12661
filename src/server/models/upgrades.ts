/**
 * The message at start about WebSockets that an app takes but some of its routes' models can't. Pure.
 *
 * If at least one route can take them, the message is only informational: its author may have done nothing wrong. Only the app
 * knows which path is the WebSocket's.
 */

import { models } from "./registry.ts";
import type { ModelName } from "./model.ts";

export interface RouteModel {
  /** `*` is every other request. */
  readonly name: string;
  readonly model: ModelName;
  /** Sockets that are actors take its handshakes, whatever its model. */
  readonly websocket?: object | undefined;
}

export interface UpgradesTold {
  readonly level: "warn" | "info";
  readonly message: string;
  readonly routes: readonly string[];
}

/** `routes`: those of an app that takes upgrades. undefined: all of their models can. */
export function upgradesRefused(routes: readonly RouteModel[]): UpgradesTold | undefined {
  const asked = routes.filter(isAskedByHandshakes);
  const refused = asked.filter(({ model }) => !models[model].capabilities.upgrades);
  if (refused.length === 0) return undefined;
  const names = refused.map(({ name }) => name);
  const level = refused.length === asked.length ? "warn" : "info";
  const where = names.map((name) => `"${name}"`).join(", ");
  const message = `the app takes WebSockets or other upgrades, but their clients get 501 on ${where}: ${why(refused, level)}`;
  return { level, message, routes: names };
}

/** A WebSocket's handshake is a GET (RFC 6455 §4.1). */
function isAskedByHandshakes({ name, websocket }: RouteModel): boolean {
  if (websocket !== undefined) return false;
  return !/^\S+ /.test(name) || name.startsWith("GET ");
}

function why(refused: readonly RouteModel[], level: UpgradesTold["level"]): string {
  if (refused.some(({ model }) => model === "sync")) {
    return "under the model sync a connection ends with its one response. Serve them with another model, such as loop.";
  }
  const reason = "a handler thread gets the request, but not its connection.";
  return level === "info" ? reason : `${reason} Give the WebSocket's own route the model loop.`;
}
