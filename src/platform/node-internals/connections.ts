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
  /** Who has the connection. */
  server?: object;
  /** The parser is paused with the stream, because responses wait for the client. */
  _paused?: boolean;
}

type Emit = (name: string | symbol, ...args: readonly unknown[]) => boolean;

interface Parser {
  readonly incoming: IncomingMessage | null;
  finish(): unknown;
  resume(): void;
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
  const { server: shown } = stream as unknown as Carried;
  (module as HttpModule)._connectionListener.call(server, stream);
  if (shown !== undefined && standIns.has(shown)) (stream as unknown as Carried).server = shown;
}

/** Events of a connection that node:http emits on the server that it finds there. */
const OF_CONNECTION: ReadonlySet<unknown> = new Set(["clientError", "timeout"]);

const standIns = new WeakSet<object>();
const standInOf = new WeakMap<object, object>();

/** `socket.server` is the app's own server, as under `node`. What Node emits there of the connection goes to the server that has it. */
export function showServer(stream: Duplex, shown: object, server: Server): void {
  let standIn = standInOf.get(shown);
  if (standIn === undefined) {
    const emits: Emit = (name, ...args) => {
      const by = OF_CONNECTION.has(name) ? server : shown;
      return Reflect.apply(Reflect.get(by, "emit") as Emit, by, [name, ...args]);
    };
    standIn = new Proxy(shown, {
      get: (target, name) => (name === "emit" ? emits : Reflect.get(target, name)) as unknown,
    });
    standIns.add(standIn);
    standInOf.set(shown, standIn);
  }
  (stream as unknown as Carried).server = standIn;
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

/**
 * node:http pauses the stream and its parser while responses wait for the client. TLS hands over what it has decrypted all the same, and
 * the parser takes that for an error. Keeps the bytes in the stream until node:http resumes both. False: they are not paused.
 */
export function keepUntilResumed(stream: Duplex, bytes: Buffer): boolean {
  if ((stream as unknown as Carried)._paused !== true || !stream.isPaused()) return false;
  // With a listener for its data the stream gets all that follows, and passes it to the parser. Before, the parser read the handle.
  stream.on("data", nothing);
  stream.off("data", nothing);
  stream.unshift(bytes);
  return true;
}

/** Reads on, also if node:http has paused the stream and its parser. A stream that is resumed without its parser throws. */
export function readOn(stream: Duplex): void {
  const carried = stream as unknown as Carried;
  if (carried._paused === true) {
    carried._paused = false;
    carried.parser?.resume();
  }
  stream.resume();
}

function nothing(): void {}

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
