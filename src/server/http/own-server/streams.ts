/**
 * The HTTP/2 sessions of an app's own server, and their streams on their way into the pipeline.
 *
 *   Node: session → stream (→ its request and response, if the app listens for `request`)
 *   here: session → graceful end; stream → check, route, admit → the app's listeners, as Node would have called them
 *
 * A stream is taken before Node's own listener for it runs, so an app that listens for `stream` alone passes the same gates. While a
 * stream waits, nothing of it is lost: Node holds its body back.
 *
 * CONNECT (also WebSockets over HTTP/2, RFC 8441) goes to the app directly, like an upgrade: it may last for as long as it likes.
 *
 * In a drain every session ends with the streams it has; one that opens in a drain, with its first ones. The client is told by GOAWAY
 * which streams were taken. All others, also those on their way, the app has not seen and will not see, so they may be sent again
 * (RFC 9113 §8.7).
 *
 * Rejected: a first GOAWAY that names no stream, and a PING to learn that the client has heard it (§6.8). After any GOAWAY that
 * Node can send, nghttp2 ignores new streams.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type {
  Http2ServerRequest,
  Http2ServerResponse,
  IncomingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from "node:http2";
import type { Server, Socket } from "node:net";
import { replaceEmit } from "../../../platform/node-internals/listening.ts";
import { replaceSignal } from "../../../platform/node-internals/requests.ts";
import { isPromiseLike } from "../../app/node-listener.ts";
import { type CarriesExchange, exchangeOf } from "../exchange.ts";
import { type ConnectionContext, connectionContext } from "../parse/connection-context.ts";
import { countPings } from "./stream-output.ts";
import { LINGER_MS } from "../parse/lingering-close.ts";
import type { StreamExchange, StreamHead } from "./stream-exchange.ts";

export interface StreamsOptions {
  /** Checks, routes and admits a request, and then calls `run`. */
  readonly enter: (head: StreamHead, socket: Socket, run: StreamExchange["run"]) => void;
  /** The app's handler. */
  readonly request: (req: IncomingMessage, res: ServerResponse) => void | Promise<void>;
}

/** A new session has so long to send its first stream when its thread drains. */
const FIRST_STREAM_MS = 1000;

type Listener = (...args: readonly unknown[]) => unknown;

export class Streams {
  readonly #options: StreamsOptions;
  readonly #sessions = new Map<ServerHttp2Session, ConnectionContext>();
  readonly #exchanges = new WeakMap<ServerHttp2Stream, StreamExchange>();
  #drains = false;

  constructor(options: StreamsOptions) {
    this.#options = options;
  }

  /** From here on the sessions of this server are looked after. */
  attach(server: Server): void {
    installSignal();
    replaceEmit(server, (emit) => (name, ...args) => {
      if (name === "session") this.#opened(args[0] as ServerHttp2Session);
      else if (name === "stream") return this.#take(server, emit, args);
      else if (name === "request") return this.#request(emit, args);
      return emit(name, ...args);
    });
  }

  /** Every session ends with its streams. One that had none yet was opened just now, and ends with its first. */
  drain(): void {
    this.#drains = true;
    for (const [session, context] of this.#sessions) {
      if (session.state.lastProcStreamID !== 0) this.#end(session, context);
    }
    setTimeout(() => this.stop(), FIRST_STREAM_MS).unref();
  }

  /** Nothing more is taken: every session ends with the streams that it has. */
  stop(): void {
    for (const [session, context] of this.#sessions) this.#end(session, context);
  }

  /** Its connection was idle for too long. False: it carries no session. */
  endIdle(context: ConnectionContext): boolean {
    const { session } = context;
    if (session === undefined) return false;
    context.idleSinceMs = 0;
    this.#end(session, context);
    return true;
  }

  #opened(session: ServerHttp2Session): void {
    const context = connectionContext.getStore();
    if (context === undefined) return session.destroy();
    context.session = session;
    context.handshakeSinceMs = 0;
    // No client of HTTP/2 ends only its side and waits for answers. So our side ends with it, as in a server that has accepted by itself.
    session.socket.allowHalfOpen = false;
    context.idleSinceMs = performance.now();
    this.#sessions.set(session, context);
    session.once("close", () => this.#sessions.delete(session));
    countPings(session);
    // A session that breaks ends its streams. Without a listener of its own it would end the thread.
    session.on("error", nothing);
  }

  #take(
    server: Server,
    emit: (name: string, ...args: readonly unknown[]) => boolean,
    args: readonly unknown[],
  ): boolean {
    const [stream, headers, , rawHeaders] = args as [ServerHttp2Stream, IncomingHttpHeaders, number, string[]];
    const context = stream.session && this.#sessions.get(stream.session as ServerHttp2Session);
    if (context === undefined) return emit("stream", ...args);
    context.active++;
    context.idleSinceMs = 0;
    stream.once("close", () => this.#left(context));
    // Later: what was read together with this stream is taken too.
    if (this.#drains) setImmediate(() => this.#end(context.session!, context));
    if (headers[":method"] === "CONNECT") return emit("stream", ...args);
    // Without an `error` listener a stream that is reset would end the thread. Node's own listener adds one only to requests.
    stream.on("error", nothing);
    this.#options.enter({ stream, headers, rawHeaders }, context.socket, (exchange) => {
      this.#exchanges.set(stream, exchange);
      return stream.destroyed ? undefined : callAll(server, "stream", args);
    });
    return true;
  }

  /** Node's listener for `stream` has made a request and a response. The app's own listeners for it may be asynchronous. */
  #request(emit: (name: string, ...args: readonly unknown[]) => boolean, args: readonly unknown[]): boolean {
    const [req, res] = args as [Http2ServerRequest, Http2ServerResponse];
    const exchange = this.#exchanges.get(req.stream);
    if (exchange === undefined) return emit("request", ...args);
    (req as CarriesExchange)[exchangeOf] = exchange;
    (res as CarriesExchange)[exchangeOf] = exchange;
    exchange.carriedBy(req, res);
    const outcome = this.#options.request(req as unknown as IncomingMessage, res as unknown as ServerResponse);
    if (isPromiseLike(outcome)) exchange.handling = Promise.resolve(outcome);
    return true;
  }

  #left(context: ConnectionContext): void {
    context.leave(performance.now());
    if (context.session?.closed === true) this.#lingerIfOver(context.session, context);
  }

  /** Node has closed our side, and waits for the client's. One that does not read its answer may never close it. */
  #lingerIfOver(session: ServerHttp2Session, { socket, active }: ConnectionContext): void {
    if (!session.closed || active > 0 || socket.destroyed) return;
    const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
    socket.once("close", () => clearTimeout(timer));
  }

  #end(session: ServerHttp2Session, context: ConnectionContext): void {
    if (!session.destroyed && !session.closed) session.close();
    this.#lingerIfOver(session, context);
  }
}

let hasSignal = false;

/** Node's own request of HTTP/2 has none. As on HTTP/1 it aborts when the client leaves, on a timeout, and in a drain. */
function installSignal(): void {
  if (hasSignal) return;
  hasSignal = true;
  const { prototype } = process.getBuiltinModule("node:http2").Http2ServerRequest;
  replaceSignal((req) => (req as CarriesExchange)[exchangeOf]?.signal, prototype);
}

/** In order, with the server as `this`, as `emit` does; but what the listeners return is kept. */
function callAll(server: Server, event: string, args: readonly unknown[]): Promise<void> | undefined {
  let pending: Promise<unknown>[] | undefined;
  for (const listener of server.rawListeners(event) as Listener[]) {
    const result = Reflect.apply(listener, server, args);
    if (isPromiseLike(result)) (pending ??= []).push(Promise.resolve(result));
  }
  return pending && Promise.all(pending).then(nothing);
}

function nothing(): void {}
