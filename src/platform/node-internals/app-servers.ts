/**
 * The listener with which Node's own https and HTTP/2 servers begin to serve a connection: replaced on an app's server, so that
 * heddle decides which part of Node goes on with it.
 */

import type { Server } from "node:net";
import type { Duplex } from "node:stream";
import { isHttp2Server } from "../app-servers.ts";

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
