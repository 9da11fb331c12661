/**
 * What an app has set on its own http.Server. That server never has a connection, so nothing on it takes effect by itself.
 * Where heddle has the same setting and the operator has not said otherwise, the app's value holds; the rest is told of, with
 * what to use instead.
 *
 * Asked when the app is about to serve: whatever it does in its module, after its `listen()` or in `onStart`, has been done.
 * What Node or a framework sets by itself counts as not said.
 */

import type { ServerConfig } from "../../config/config.ts";
import type { Explained } from "../../config/explain.ts";
import { maxDurationMs } from "../../config/notation.ts";
import type { AppServer } from "./load/self-listening.ts";

export interface ServerSettings {
  /** Settings of heddle that have their values from the app's server. */
  readonly obeyed: readonly Explained[];
  /** What is to be told of those that have no effect. */
  readonly note:
    | { readonly level: "warn" | "info"; readonly names: readonly string[]; readonly message: string }
    | undefined;
}

export interface Heeded {
  readonly config: ServerConfig;
  readonly settings: ServerSettings;
}

type Shared = "keepAliveMs" | "headersTimeoutMs" | "requestsPerConnection" | "headerCount" | "headerBytes";

interface SharedSetting {
  /** Its name on an http.Server. */
  readonly name: string;
  readonly setting: Shared;
  /** Written here as well: the table of settings is not worth loading on each thread. */
  readonly flag: string;
  /** Whether the value is Node's or a framework's own. */
  readonly isUnsaid: (value: unknown, server: AppServer) => boolean;
  /** Why a value has no equivalent here. */
  readonly refuse?: (value: number) => string | undefined;
}

export const shared: readonly SharedSetting[] = [
  {
    name: "keepAliveTimeout",
    setting: "keepAliveMs",
    flag: "keep-alive",
    isUnsaid: (value, server) =>
      value === NODE_KEEP_ALIVE_MS || (value === FASTIFY_KEEP_ALIVE_MS && server.listenerCount("clientError") > 0),
    refuse: (value) => (value === 0 ? "--keep-alive has no value for an unlimited time" : undefined),
  },
  {
    name: "headersTimeout",
    setting: "headersTimeoutMs",
    flag: "headers-timeout",
    // Node derives it from the request timeout, if that is given to createServer() and shorter.
    isUnsaid: (value, { requestTimeout }) =>
      value === Math.min(NODE_HEADERS_MS, requestTimeout) || value === NODE_HEADERS_MS,
  },
  {
    name: "maxRequestsPerSocket",
    setting: "requestsPerConnection",
    flag: "limit-keep-alive",
    isUnsaid: (value) => !value,
  },
  { name: "maxHeadersCount", setting: "headerCount", flag: "limit-headers", isUnsaid: isAbsent },
  {
    name: "maxHeaderSize",
    setting: "headerBytes",
    flag: "limit-header",
    isUnsaid: isAbsent,
    refuse: (value) => (value < MIN_HEADER_BYTES ? `--limit-header is at least ${MIN_HEADER_BYTES}` : undefined),
  },
];

const NODE_KEEP_ALIVE_MS = 5000;
const NODE_HEADERS_MS = 60_000;
const NODE_REQUEST_MS = 300_000;
const FASTIFY_KEEP_ALIVE_MS = 72_000;
/** As the table of settings has it. */
const MIN_HEADER_BYTES = 256;

/** What heddle does not have: what an app said, if it did, and what to use instead. */
const foreign: readonly { readonly said: (server: AppServer) => string | undefined; readonly instead: string }[] = [
  {
    // 0 is no limit on the whole of a request, and heddle has none.
    said: ({ requestTimeout }) =>
      requestTimeout === 0 || requestTimeout === NODE_REQUEST_MS ? undefined : `requestTimeout ${requestTimeout}`,
    instead: "--headers-timeout, --body-idle-timeout and --body-min-rate end slow requests",
  },
  {
    said: (server) => (server.timeout || server.listenerCount("timeout") > 0 ? `timeout ${server.timeout}` : undefined),
    instead: "--timeout limits the handler, --body-idle-timeout a body that stalls",
  },
  {
    said: ({ maxConnections }) => (isAbsent(maxConnections) ? undefined : `maxConnections ${maxConnections}`),
    instead: "--limit and --queue limit the requests",
  },
  {
    said: (server) => listenersOn(server, "clientError", isFastify(server) ? 1 : 0),
    instead: "heddle itself answers invalid HTTP",
  },
  {
    said: (server) => listenersOn(server, "connection", 1),
    instead: "heddle has the connections and closes them when it stops; the app need not track them",
  },
  {
    said: (server) => listenersOn(server, "secureConnection", "setSecureContext" in server ? 1 : 0),
    instead: "heddle has the connections; set --tls-cert and --tls-key",
  },
  {
    said: (server) => listenersOn(server, "dropRequest", 0),
    instead: "--limit-keep-alive closes a connection after its last response, which has connection: close",
  },
  { said: (server) => listenersOn(server, "connect", 0), instead: "heddle is not a proxy, and does not serve CONNECT" },
];

/** Pure but for looking at the server. */
export function heedServer(config: ServerConfig, server: AppServer | undefined): Heeded {
  const values: Partial<Record<Shared, number>> = {};
  const obeyed: Explained[] = [];
  const unheeded: { said: string; instead: string; isOverruled: boolean }[] = [];
  if (server === undefined) return { config, settings: { obeyed, note: undefined } };
  for (const { name, setting, flag, isUnsaid, refuse } of shared) {
    const value = (server as unknown as Readonly<Record<string, unknown>>)[name];
    if (isUnsaid(value, server)) continue;
    const said = `${name} ${String(value)}`;
    if (config.given.includes(setting)) {
      unheeded.push({ said, instead: `--${flag} is set`, isOverruled: true });
      continue;
    }
    const refusal = isCount(value) ? (whyNot(setting, config) ?? refuse?.(value)) : `--${flag} takes a whole number`;
    if (refusal === undefined) {
      values[setting] = Math.min(value as number, maxDurationMs);
      obeyed.push({ flag, text: String(values[setting]), origin: `${name} of the app's http.Server` });
    } else {
      unheeded.push({ said, instead: refusal, isOverruled: false });
    }
  }
  for (const { said, instead } of foreign) {
    const what = said(server);
    if (what !== undefined) unheeded.push({ said: what, instead, isOverruled: false });
  }
  return { config: { ...config, ...values }, settings: { obeyed, note: note(unheeded) } };
}

function note(
  unheeded: readonly { readonly said: string; readonly instead: string; readonly isOverruled: boolean }[],
): ServerSettings["note"] {
  if (unheeded.length === 0) return undefined;
  const list = unheeded.map(({ said, instead }) => `${said} (${instead})`).join("; ");
  return {
    // The operator who has set it knows.
    level: unheeded.every(({ isOverruled }) => isOverruled) ? "info" : "warn",
    names: unheeded.map(({ said }) => said),
    message: `set on the app's http.Server, but without effect under heddle: ${list}`,
  };
}

function whyNot(setting: Shared, { model }: ServerConfig): string | undefined {
  return setting === "keepAliveMs" && model === "sync"
    ? "under sync a connection ends with its one response"
    : undefined;
}

function listenersOn(server: AppServer, event: string, ownListeners: number): string | undefined {
  return server.listenerCount(event) > ownListeners ? `a listener for "${event}"` : undefined;
}

/** Fastify has a listener on each of its servers, which the app may replace by its own. */
function isFastify(server: AppServer): boolean {
  return server.listeners("clientError").some(({ name }) => name === "bound defaultClientErrorHandler");
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
