/**
 * What node:http's server does with a connection: how to make it serve without a listening socket, what it stores on the
 * connection's stream, and which of the stream's methods are replaced.
 */
// oxlint-disable no-underscore-dangle -- node:http's names

import { EventEmitter } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { http } from "../http.ts";
import { holdBack } from "./http-channels.ts";

/** The properties that node:http adds to the stream of a connection. */
interface Carried {
  readonly _httpMessage?: ServerResponse | null;
  readonly parser?: Parser | null;
}

interface Parser {
  readonly incoming: IncomingMessage | null;
  finish(): unknown;
}

interface HttpModule {
  readonly _connectionListener: (this: Server, stream: Duplex) => void;
}

/** The parts that listening would start: the list of connections, and the check for late headers. */
export function serveWithoutListening(server: Server): void {
  server.emit("listening");
}

// oxlint-disable-next-line typescript/unbound-method -- compared, and called as a method
const { emit } = EventEmitter.prototype;

/**
 * Instrumentation does not see what this server gets: it wraps `emit` of the servers' prototypes, or subscribes to node:http's
 * channels.
 */
export function keepToItself(server: Server): void {
  Object.assign(server, { emit });
  server.on("connection", holdBack).on("secureConnection", holdBack);
}

/** Whether instrumentation wraps `emit` of this server, or of its prototype. */
export function isWatched(server: Server): boolean {
  return server.emit !== emit;
}

/** The end of a client's side does not end ours. The server decides what it means. */
export function allowHalfOpen(server: Server): void {
  if (!("httpAllowHalfOpen" in server)) throw new TypeError("an http.Server has no httpAllowHalfOpen");
  server.httpAllowHalfOpen = true;
}

/** Starts an HTTP parser on a stream that the server has detached, or never had. Also on TLS streams. */
export function parseOn(server: Server, stream: Duplex, module: object = http): void {
  holdBack(stream);
  (module as HttpModule)._connectionListener.call(server, stream);
}

/** The response that has the connection now. */
export function responseOn(stream: Duplex): ServerResponse | undefined {
  return (stream as unknown as Carried)._httpMessage ?? undefined;
}

/** The request that the parser reads, or read last. */
export function requestOn(stream: Duplex): IncomingMessage | undefined {
  return (stream as unknown as Carried).parser?.incoming ?? undefined;
}

/**
 * Whether the client has sent only a part of a request. The parser tells it only when its input is declared finished, which it
 * is from then on.
 */
export function isWithinRequest(stream: Duplex): boolean {
  return (stream as unknown as Carried).parser?.finish() instanceof Error;
}

export interface Endings {
  /** node:http calls it after the last answer of the connection. */
  readonly destroySoon: (this: Socket) => void;
  /** A response that is destroyed calls it. */
  readonly destroy: (this: Socket, error?: Error) => Socket;
}

/** Only for this connection. `Socket.prototype` keeps the original methods. */
export function replaceEndings(stream: Socket, { destroySoon, destroy }: Endings): void {
  stream.destroySoon = destroySoon;
  stream.destroy = destroy;
}

/** The connection's stream ends as any other from now on. */
export function restoreEndings(stream: Socket): void {
  const { destroySoon, destroy } = Object.getPrototypeOf(stream) as Endings;
  // Not deleted: V8 would keep the stream's properties in a table then, which is larger.
  replaceEndings(stream, { destroySoon, destroy });
}

/** Calls back with the first chunk that is written to the stream, and sends what that returns. Then restores the stream's own `write`. */
export function reviseFirstWrite(stream: Duplex, revise: (chunk: unknown) => unknown): void {
  const write = Reflect.get(stream, "write") as (...args: unknown[]) => boolean;
  const own = Object.getOwnPropertyDescriptor(stream, "write");
  stream.write = function (this: Duplex, chunk: unknown, ...rest: unknown[]) {
    if (own === undefined) Reflect.deleteProperty(stream, "write");
    else Object.defineProperty(stream, "write", own);
    return Reflect.apply(write, stream, [revise(chunk), ...rest]);
  } as Duplex["write"];
}
