/** The `routes` of a config file: settings that differ for some requests. A key is `"GET /report/:id"`, or `"/report"` for any
 * method. A value has the settings that a route may set, read by the same records as the server's. The router
 * (server/http/route/router.ts) chooses the route of a request.
 */

import { resolve } from "node:path";
import { HeddleError } from "../../errors/errors.ts";
import { http } from "../../platform/http.ts";
import { isPlainObject, readValue, show, suggestion } from "../setting-value.ts";
import { isSocketKind, type SocketKind } from "./socket-kind.ts";
import { fileName, settings, type SettingInputs, type SettingValues } from "../settings.ts";

/** Who passes the gates first. Only routes have it, so that it is no setting with a flag. */
export type Priority = "normal" | "high" | "always";
const PRIORITIES: readonly Priority[] = ["normal", "high", "always"];

const routeSettingNames = ["model", "threads", "timeoutMs", "limit", "queue", "sticky"] as const;

/** What a config file may say about one route. `timeoutMs`: the same as `timeout`, as options in code are called. */
export type RouteSettings = Pick<SettingInputs, "model" | "threads" | "timeout" | "limit" | "queue" | "sticky"> & {
  readonly timeoutMs?: number;
  /**
   * `high`: passes the gates before all others, and is never shed for its delay. `always`: passes without a slot, for cheap requests
   * that must be answered under any load, such as health checks. Default `normal`.
   */
  readonly priority?: Priority;
  /**
   * Takes the WebSockets of this path: what `socketActor` made. A config file names the module that exports it, as `websocket` or
   * `default`; its path is relative to the working directory.
   */
  readonly websocket?: string | SocketKind;
};

/** The same, parsed. For an absent setting the server's value applies. A path is absolute. */
export type RouteConfig = Partial<Pick<SettingValues, (typeof routeSettingNames)[number]>> & {
  readonly priority?: Priority;
  readonly websocket?: string | SocketKind;
};

/**
 * `where` is the file, for messages. `isApp`: it is the app itself, so a route may have an object.
 *
 * @throws HeddleError CONFIG_BAD_VALUE, CONFIG_UNKNOWN_SETTING
 */
export function readRoutes(
  raw: unknown,
  where: string,
  cwd: string,
  isApp: boolean = false,
): Readonly<Record<string, RouteConfig>> {
  if (raw === undefined) return {};
  if (!isPlainObject(raw)) {
    throw bad(
      `routes in ${where}: got ${show(raw)}; expected an object such as { "GET /report/:id": { model: "threads" } }`,
    );
  }
  const routes: Record<string, RouteConfig> = {};
  for (const [key, value] of Object.entries(raw)) {
    checkKey(key, where);
    routes[key] = readRoute(value, key, where, { cwd, isApp });
  }
  return routes;
}

interface Reading {
  readonly cwd: string;
  readonly isApp: boolean;
}

function readRoute(raw: unknown, key: string, where: string, { cwd, isApp }: Reading): RouteConfig {
  const origin = `routes[${JSON.stringify(key)}] in ${where}`;
  if (!isPlainObject(raw)) throw bad(`${origin}: got ${show(raw)}; expected an object such as { model: "threads" }`);
  const fieldByName = new Map(routeSettingNames.map((field) => [fileName(settings[field]), field]));
  const route: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(raw)) {
    if (name === "websocket") {
      if (value !== undefined) route[name] = readWebSocket(value, `${name} of ${origin}`, key, { cwd, isApp });
      continue;
    }
    if (name === "priority") {
      if (value !== undefined) route[name] = readPriority(value, `${name} of ${origin}`);
      continue;
    }
    const field = name === "timeoutMs" ? name : fieldByName.get(name);
    if (field === undefined) {
      const known = [...fieldByName.keys(), "priority", "websocket"];
      const guess = suggestion(name, known) || `; a route may have ${known.join(", ")}`;
      throw new HeddleError("CONFIG_UNKNOWN_SETTING", `${origin}: ${name} is not a setting of a route${guess}`);
    }
    if (value === undefined) continue;
    const written = { raw: value, origin: `${name} of ${origin}` };
    route[field] = readValue(settings[field], written, cwd);
  }
  return route;
}

function readPriority(value: unknown, origin: string): Priority {
  const found = PRIORITIES.find((priority) => priority === value);
  if (found !== undefined) return found;
  const expected = `${origin}: got ${show(value)}; expected one of ${PRIORITIES.join(", ")}`;
  throw bad(expected + suggestion(value, PRIORITIES));
}

/** A handshake is a GET, so a route of another method would never get one. */
function readWebSocket(value: unknown, origin: string, key: string, { cwd, isApp }: Reading): string | SocketKind {
  if (/^(?!GET )\S+ /.test(key)) throw bad(`${origin}: got the key ${show(key)}; expected "/path" or "GET /path"`);
  if (typeof value === "string" && value !== "") return resolve(cwd, value);
  if (isSocketKind(value)) {
    if (isApp) return value;
    throw bad(`${origin}: got a socketActor, which cannot be sent to the workers; expected the path of a module`);
  }
  const right = isApp
    ? "what socketActor() makes, or the path of a module"
    : 'the path of a module, such as "./chat.ts"';
  throw bad(`${origin}: got ${show(value)}; expected ${right}`);
}

function checkKey(key: string, where: string): void {
  const problem = keyProblem(key);
  if (problem === undefined) return;
  throw bad(
    `routes in ${where}: got the key ${show(key)} (${problem}); expected "/path" or "METHOD /path", as in "GET /report/:id"`,
  );
}

function keyProblem(key: string): string | undefined {
  const space = key.indexOf(" ");
  const method = space === -1 ? undefined : key.slice(0, space);
  const path = key.slice(space + 1);
  if (method !== undefined && !http.METHODS.includes(method)) {
    return `${show(method)} is not a method${suggestion(method, http.METHODS).replace(";", ",").replace("?", "")}`;
  }
  if (!path.startsWith("/")) return "its path does not start with /";
  if (/\s/.test(path)) return "its path has white space";
  if (/[?#]/.test(path)) return "a path may not contain ? or #";
  const names = path.split("/").filter((segment) => segment.startsWith(":"));
  if (names.some((name) => !/^:[A-Za-z_]\w*$/.test(name)))
    return "after : there must be a name of letters, digits and _";
  return new Set(names).size < names.length ? "it has the same name twice" : undefined;
}

function bad(message: string): HeddleError {
  return new HeddleError("CONFIG_BAD_VALUE", message);
}
