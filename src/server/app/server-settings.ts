/** The settings of an app's own http.Server. That server never has a connection, so they have no effect by themselves. If heddle
 * has the same setting, and the operator has not set it, the app's value is applied. Other settings cause a warning, with the
 * settings to use instead.
 *
 * Node's flag `--max-http-header-size` counts as a setting of the app as well: the start script may have it.
 *
 * Read when the app is about to serve: after its module, its `listen()` and `onStart` have run. A value that Node or a
 * framework sets by itself is ignored.
 */

import type { ServerConfig } from "../../config/config.ts";
import type { Explained } from "../../config/explain.ts";
import { maxDurationMs } from "../../config/notation.ts";
import { isHttp2Server, isSecure, protocolOf } from "../../platform/app-servers.ts";
import { http } from "../../platform/http.ts";
import type { AppServer } from "./listen/self-listening.ts";

export interface ServerSettings {
  /** Settings of heddle that have their values from the app's server. */
  readonly applied: readonly Explained[];
  /** The warning about settings without effect. */
  readonly note:
    | { readonly level: "warn" | "info"; readonly names: readonly string[]; readonly message: string }
    | undefined;
}

export interface AppliedServerSettings {
  readonly config: ServerConfig;
  readonly settings: ServerSettings;
}

type Shared = "keepAliveMs" | "headersTimeoutMs" | "requestsPerConnection" | "headerCount" | "headerBytes";

interface SharedSetting {
  /** Its name on an http.Server. */
  readonly name: string;
  readonly setting: Shared;
  /** Repeated here, because loading the table of settings on each thread costs too much. */
  readonly flag: string;
  /** Whether the value is Node's or a framework's own. */
  readonly isDefault: (value: unknown, server: AppServer) => boolean;
  /** Why a value has no equivalent here. */
  readonly refuse?: (value: number) => string | undefined;
}

export const shared: readonly SharedSetting[] = [
  {
    name: "keepAliveTimeout",
    setting: "keepAliveMs",
    flag: "keep-alive",
    isDefault: (value, server) =>
      value === NODE_KEEP_ALIVE_MS || (value === FASTIFY_KEEP_ALIVE_MS && server.listenerCount("clientError") > 0),
    refuse: (value) => (value === 0 ? "--keep-alive has no value for an unlimited time" : undefined),
  },
  {
    name: "headersTimeout",
    setting: "headersTimeoutMs",
    flag: "headers-timeout",
    // Node derives it from the request timeout, if that is given to createServer() and shorter.
    isDefault: (value, { requestTimeout }) =>
      value === Math.min(NODE_HEADERS_MS, requestTimeout) || value === NODE_HEADERS_MS,
  },
  {
    name: "maxRequestsPerSocket",
    setting: "requestsPerConnection",
    flag: "limit-keep-alive",
    isDefault: (value) => !value,
  },
  { name: "maxHeadersCount", setting: "headerCount", flag: "limit-headers", isDefault: isAbsent },
  {
    name: "maxHeaderSize",
    setting: "headerBytes",
    flag: "limit-header",
    isDefault: isAbsent,
    refuse: (value) => (value < MIN_HEADER_BYTES ? `--limit-header is at least ${MIN_HEADER_BYTES}` : undefined),
  },
];

const NODE_KEEP_ALIVE_MS = 5000;
const NODE_HEADERS_MS = 60_000;
const NODE_REQUEST_MS = 300_000;
const NODE_HEADER_BYTES = 16_384;
const FASTIFY_KEEP_ALIVE_MS = 72_000;
/** As the table of settings has it. */
const MIN_HEADER_BYTES = 256;

/** Settings that heddle does not have: the app's value, if it set one, and what to use instead. */
const unsupported: readonly {
  /** `isHanded`: the server gets the connections itself (`http/own-server/`). */
  readonly setByApp: (server: AppServer, isHanded: boolean) => string | undefined;
  readonly instead: string;
}[] = [
  {
    // 0 is no limit on the whole of a request, and heddle has none.
    setByApp: ({ requestTimeout }) =>
      isAbsent(requestTimeout) || requestTimeout === 0 || requestTimeout === NODE_REQUEST_MS
        ? undefined
        : `requestTimeout ${requestTimeout}`,
    instead: "--headers-timeout, --body-idle-timeout and --body-min-rate end slow requests",
  },
  {
    setByApp: (server) =>
      server.timeout || server.listenerCount("timeout") > 0 ? `timeout ${server.timeout}` : undefined,
    instead: "--timeout limits the handler, --body-idle-timeout a body that stalls",
  },
  {
    setByApp: ({ maxConnections }) => (isAbsent(maxConnections) ? undefined : `maxConnections ${maxConnections}`),
    instead: "--limit and --queue limit the requests",
  },
  {
    setByApp: (server) => listenersOn(server, "clientError", isFastify(server) ? 1 : 0),
    instead: "heddle itself answers invalid HTTP",
  },
  {
    setByApp: (server, isHanded) => (isHanded ? undefined : listenersOn(server, "connection", 1)),
    instead: "heddle has the connections and closes them when it stops; the app need not track them",
  },
  {
    setByApp: (server, isHanded) =>
      isHanded ? undefined : listenersOn(server, "secureConnection", isSecure(server) ? 1 : 0),
    instead: "heddle has the connections, and the app's server does no TLS",
  },
  {
    setByApp: (server) => listenersOn(server, "dropRequest", 0),
    instead: "--limit-keep-alive closes a connection after its last response, which has connection: close",
  },
  {
    setByApp: (server) => listenersOn(server, "connect", 0),
    instead: "heddle is not a proxy, and does not serve CONNECT",
  },
];

/**
 * Pure, except that it reads the server's fields. `nodesHeaderBytes`: what Node allows for servers that say nothing, by its flag
 * `--max-http-header-size`.
 */
export function applyServerSettings(
  config: ServerConfig,
  server: AppServer | undefined,
  nodesHeaderBytes: number = http.maxHeaderSize,
): AppliedServerSettings {
  const values: Partial<Record<Shared, number>> = {};
  const applied: Explained[] = [];
  const ignored: { setByApp: string; instead: string; isOverruled: boolean }[] = [];
  const isByFlag = nodesHeaderBytes !== NODE_HEADER_BYTES && nodesHeaderBytes >= MIN_HEADER_BYTES;
  const ofServer = (server as { readonly maxHeaderSize?: unknown } | undefined)?.maxHeaderSize;
  if (isByFlag && isAbsent(ofServer) && !config.given.includes("headerBytes")) {
    values.headerBytes = nodesHeaderBytes;
    applied.push({ flag: "limit-header", text: String(nodesHeaderBytes), origin: "node --max-http-header-size" });
  }
  if (server === undefined) return { config: { ...config, ...values }, settings: { applied, note: undefined } };
  for (const { name, setting, flag, isDefault, refuse } of shared) {
    const value = (server as unknown as Readonly<Record<string, unknown>>)[name];
    // An HTTP/2 server lacks most of them.
    if (isHttp2Server(server) && isAbsent(value)) continue;
    if (isDefault(value, server)) continue;
    const setByApp = `${name} ${String(value)}`;
    if (config.given.includes(setting)) {
      ignored.push({ setByApp, instead: `--${flag} is set`, isOverruled: true });
      continue;
    }
    const refusal = isCount(value) ? (whyNot(setting, config) ?? refuse?.(value)) : `--${flag} takes a whole number`;
    if (refusal === undefined) {
      values[setting] = Math.min(value as number, maxDurationMs);
      applied.push({ flag, text: String(values[setting]), origin: `${name} of the app's http.Server` });
    } else {
      ignored.push({ setByApp, instead: refusal, isOverruled: false });
    }
  }
  if (config.tlsCert !== undefined && isSecure(server))
    ignored.push({ setByApp: "its own certificate", instead: "--tls-cert is set", isOverruled: true });
  const isHanded = config.tlsCert === undefined && protocolOf(server) !== undefined;
  for (const { setByApp, instead } of unsupported) {
    const what = setByApp(server, isHanded);
    if (what !== undefined) ignored.push({ setByApp: what, instead, isOverruled: false });
  }
  return { config: { ...config, ...values }, settings: { applied, note: note(ignored) } };
}

function note(
  ignored: readonly { readonly setByApp: string; readonly instead: string; readonly isOverruled: boolean }[],
): ServerSettings["note"] {
  if (ignored.length === 0) return undefined;
  const list = ignored.map(({ setByApp, instead }) => `${setByApp} (${instead})`).join("; ");
  return {
    // The operator has set it, so no warning is needed.
    level: ignored.every(({ isOverruled }) => isOverruled) ? "info" : "warn",
    names: ignored.map(({ setByApp }) => setByApp),
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
