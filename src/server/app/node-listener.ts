/**
 * Runs an app that is an `http.Server`: exported, captured from its own `listen()`, or inside a Fastify or Nest instance.
 * The app's server never sees a connection. Its listeners are called with the exchange heddle parsed, so that
 * `new WebSocketServer({ server })`, `@fastify/websocket` and Express all work as they are.
 *
 * `server.emit(…)` would drop what a listener returns, and with it the rejection of an async handler. So the
 * listeners are called here as `emit` would: in order, with the server as `this`.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { isWatched } from "../../platform/node-internals/connections.ts";
import type { AppServer } from "./listen/self-listening.ts";

/** The events with which an http server takes over a request that carries an `Expect` header. */
export type ExpectEvent = "checkContinue" | "checkExpectation";

export type RequestListener = (req: IncomingMessage, res: ServerResponse) => void | Promise<void>;

type Listener = (...args: readonly unknown[]) => unknown;

export function callListeners(
  server: AppServer,
  event: "request" | ExpectEvent,
  req: IncomingMessage,
  res: ServerResponse,
): void | Promise<void> {
  // rawListeners, not listeners: a `once` listener removes itself only through its wrapper.
  const listeners = server.rawListeners(event) as Listener[];
  if (listeners.length === 0) return refuseUnanswered(server, res);
  return callEach(listeners, server, [req, res]);
}

/** Through `emit` if instrumentation watches that. Then a promise that a listener returns is lost, as under `node`. */
export function callUpgradeListeners(
  server: AppServer,
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void | Promise<void> {
  if (isWatched(server)) return void server.emit("upgrade", req, socket, head);
  return callEach(server.rawListeners("upgrade") as Listener[], server, [req, socket, head]);
}

function callEach(listeners: readonly Listener[], server: AppServer, args: readonly unknown[]): void | Promise<void> {
  let pending: Promise<unknown>[] | undefined;
  for (const listener of listeners) {
    const result = Reflect.apply(listener, server, args);
    if (isPromiseLike(result)) (pending ??= []).push(Promise.resolve(result));
  }
  if (pending !== undefined) return Promise.all(pending).then(() => undefined);
}

export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** Without a `request` listener the client would wait forever. A server that only takes upgrades answers 426. */
function refuseUnanswered(server: AppServer, res: ServerResponse): void {
  const isUpgradeOnly = server.listenerCount("upgrade") > 0;
  res.writeHead(isUpgradeOnly ? 426 : 501, isUpgradeOnly ? { connection: "Upgrade", upgrade: "websocket" } : {});
  res.end();
}
