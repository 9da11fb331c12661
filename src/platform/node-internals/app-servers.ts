/**
 * What an app's own server has to say about a connection and its requests:
 *
 * - The listener with which Node's own https and HTTP/2 servers begin to serve a connection: replaced on an app's server, so that
 *   heddle decides which part of Node goes on with it.
 * - What the app has given to `createServer` for the messages. Node keeps it in the server, under its own names.
 */

import type { IncomingMessage, ServerOptions } from "node:http";
import type { Server } from "node:net";
import type { Duplex } from "node:stream";
import { isHttp2Server } from "../app-servers.ts";
import { http } from "../http.ts";

export type Serve = (stream: Duplex) => void;

/** `replacement` gets Node's own listener, and takes its place among those of the app. */
export function replaceServing(server: Server, replacement: (serve: Serve) => Serve): void {
  const event = "setSecureContext" in server ? "secureConnection" : "connection";
  const own = nodesListener(server, event);
  const listeners = server.rawListeners(event) as ((stream: Duplex) => void)[];
  if (!listeners.includes(own)) throw new TypeError(`the server has no listener of Node's for "${event}"`);
  const serve = replacement((stream) => Reflect.apply(own, server, [stream]));
  for (const listener of listeners) server.off(event, listener);
  for (const listener of listeners) server.on(event, listener === own ? serve : listener);
}

/** All servers of a kind have the same one. */
function nodesListener(server: Server, event: string): Serve {
  const another = isHttp2Server(server)
    ? { server: process.getBuiltinModule("node:http2").createServer(), event: "connection" }
    : { server: process.getBuiltinModule("node:https").createServer(), event };
  const [own] = another.server.listeners(another.event);
  return own as Serve;
}

/** Whether an HTTP/2 server over TLS was made with `allowHTTP1`. It has the fields of an http.Server then. */
export function takesHttp1(server: Server): boolean {
  return "headersTimeout" in server;
}

/** Those that shape the app's requests and responses. */
export type MessageOptions = Pick<
  ServerOptions,
  "IncomingMessage" | "ServerResponse" | "joinDuplicateHeaders" | "rejectNonStandardBodyWrites"
>;

/** What the app has set. */
export function messageOptionsOf(server: Server | undefined): MessageOptions {
  const options: { -readonly [Name in keyof MessageOptions]: MessageOptions[Name] } = {};
  if (server === undefined) return options;
  const kept = new Map(Object.getOwnPropertySymbols(server).map((symbol) => [symbol.description, symbol]));
  const valueOf = (name: string): unknown => Reflect.get(server, kept.get(name) ?? name) as unknown;
  for (const name of ["IncomingMessage", "ServerResponse"] as const) {
    const own = valueOf(name);
    if (typeof own === "function" && own !== http[name]) Object.assign(options, { [name]: own });
  }
  for (const name of ["joinDuplicateHeaders", "rejectNonStandardBodyWrites"] as const) {
    if (valueOf(name) === true) options[name] = true;
  }
  return options;
}

interface Choosing {
  readonly shouldUpgradeCallback?: (request: IncomingMessage) => unknown;
}

/** Of a server that listens for upgrades: whether this one is for it. The others are ordinary requests. */
export function choosesUpgrade(server: Server, req: IncomingMessage): boolean {
  const choosing = server as Choosing;
  return choosing.shouldUpgradeCallback === undefined || Boolean(choosing.shouldUpgradeCallback(req));
}
