/**
 * What node:http's server does with a connection: how it is made to serve without a listening socket, what hangs on the
 * connection's stream, and what of that stream is replaced.
 */
// oxlint-disable no-underscore-dangle -- node:http's names

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { http } from "../http.ts";

/** What node:http hangs on the stream of a connection. */
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

/** What listening would start: the list of connections, and the check for late headers. */
export function serveWithoutListening(server: Server): void {
  server.emit("listening");
}

/** The end of a client's side does not end ours: whoever serves decides what it means. */
export function allowHalfOpen(server: Server): void {
  if (!("httpAllowHalfOpen" in server)) throw new TypeError("an http.Server has no httpAllowHalfOpen");
  server.httpAllowHalfOpen = true;
}

/** Has HTTP parsed on a stream that the server has let go of, or never had. TLS streams as well. */
export function parseOn(server: Server, stream: Duplex, module: object = http): void {
  (module as HttpModule)._connectionListener.call(server, stream);
}

/** The response that has the connection now. */
export function responseOn(stream: Duplex): ServerResponse | undefined {
  return (stream as unknown as Carried)._httpMessage ?? undefined;
}

/** The request that the parser is at, or was at last. */
export function requestOn(stream: Duplex): IncomingMessage | undefined {
  return (stream as unknown as Carried).parser?.incoming ?? undefined;
}

/**
 * Whether the client has sent a part of a request and not the rest. The parser tells it only when its input is declared over,
 * which it is from then on.
 */
export function isWithinRequest(stream: Duplex): boolean {
  return (stream as unknown as Carried).parser?.finish() instanceof Error;
}

export interface Endings {
  /** node:http calls it behind the last answer of the connection. */
  readonly destroySoon: (this: Socket) => void;
  /** A response that is destroyed calls it. */
  readonly destroy: (this: Socket, error?: Error) => Socket;
}

/** Of this connection only. `Socket.prototype` keeps the original ones. */
export function replaceEndings(stream: Socket, { destroySoon, destroy }: Endings): void {
  stream.destroySoon = destroySoon;
  stream.destroy = destroy;
}

/** Shows the first chunk that is written to the stream, before it leaves. The stream's `write` is its own again after that. */
export function beforeFirstWrite(stream: Duplex, look: (chunk: unknown) => void): void {
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  stream.write = ((...args: unknown[]) => {
    Reflect.deleteProperty(stream, "write");
    look(args[0]);
    return write(...args);
  }) as Duplex["write"];
}
