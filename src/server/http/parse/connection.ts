/**
 * The connections of one serving thread: an http.Server that never listens. Sockets come from the acceptor and are emitted
 * on it. Every limit of the parser is set here, explicitly.
 *
 * Draining (`drain`) loses no request. A request that has arrived is answered, with `connection: close`. An idle connection
 * is closed. If another generation takes over (`takenOver`), an idle connection stays open until its keep-alive ends, or the
 * drain nearly does: its client may be sending at this moment, and would get a reset (RFC 9112 §9.5).
 * WebSockets get a close frame and time to answer it (web-sockets.ts).
 */

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { Server as NetServer, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ServerConfig } from "../../../config/config.ts";
import type { LoadRow } from "../../../supervise/load-board.ts";
import { http } from "../../../platform/http.ts";
import {
  allowHalfOpen,
  keepToItself,
  parseOn,
  responseOn,
  restoreEndings,
  serveWithoutListening,
  showServer,
} from "../../../platform/node-internals/connections.ts";
import { endBehindLastByteMs, hasNative, isClosed, tellsClosedFromEnded } from "../../../platform/native.ts";
import { descriptorOf, outputOf } from "../../../platform/node-internals/handles.ts";
import { BrokenInput } from "./broken-input.ts";
import { judgeClient, mayBeAnswered, thisMoment } from "../admit/client-watch.ts";
import { type CarriesConnection, ConnectionContext, connectionContext, connectionOf } from "./connection-context.ts";
import { afterAnswers, diesOfReset, putBack, survivesReset } from "./upgrade-requests.ts";
import { isUnfinished, lingerWhereNeeded, maySend, showsItsEnd } from "./lingering-close.ts";
import { LinkedList } from "../../../kit/linked-list.ts";
import { isSecure } from "../../../platform/app-servers.ts";
import { messageOptionsOf } from "../../../platform/node-internals/app-servers.ts";
import { OwnServer } from "../own-server/own-server.ts";
import { Streams, type StreamsOptions } from "../own-server/streams.ts";
import type { ParserError } from "./parser-errors.ts";
import { refuseSocket } from "../respond/respond.ts";
import { WebSockets } from "./web-sockets.ts";

export interface TlsMaterial {
  readonly cert: Buffer | string;
  readonly key: Buffer | string;
  readonly ticketKeys: TicketKeys;
}

/** 48 bytes in base64, because they cross a JSON channel. */
export type TicketKeys = string;

/** Tickets are valid only within one context. Node's default is made from the command line. */
const SESSION_CONTEXT = "heddle";

export interface ConnectionHandlers {
  readonly request: (req: IncomingMessage, res: ServerResponse) => void;
  readonly checkContinue: (req: IncomingMessage, res: ServerResponse) => void;
  readonly checkExpectation: (req: IncomingMessage, res: ServerResponse) => void;
  readonly acceptsUpgrade: (req: IncomingMessage) => boolean;
  readonly upgrade: (req: IncomingMessage, socket: Duplex, head: Buffer, leaving: LeavingHttp) => void;
  /** The app's own server, which gets the connections if it does TLS or HTTP/2 and heddle does not. */
  readonly server: () => NetServer | undefined;
  readonly stream: StreamsOptions["enter"];
  /** The app's handler, for the requests that Node makes of HTTP/2 streams. */
  readonly app: StreamsOptions["request"];
  /** True: another instance takes it, or `here` is called later. */
  readonly forwardsUpgrade: (
    req: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    connection: ConnectionContext,
    here: () => void,
  ) => boolean;
  /** The connection closed while a request to leave HTTP waited for the answers before it. */
  readonly abandon: (connection: ConnectionContext) => void;
  /**
   * Every connection is done, and has at most to be closed. The row still counts the last one: the callee must subtract it, or
   * give its place to the next connection.
   */
  readonly idle?: () => void;
}

/** For whoever takes a connection out of HTTP. */
export interface LeavingHttp {
  /** The app has it. If it becomes a WebSocket, that is counted, and told when the thread drains. */
  track(): void;
  /** Nothing of HTTP keeps it any more. It counts as a connection until its taker calls `Connections.gone`. */
  giveAway(): void;
}

/**
 * How often node:http looks for late headers, at most. Its default of 30 s would turn 10 s into 40 s. A shorter limit is
 * checked more often.
 */
const MAX_CHECK_INTERVAL_MS = 1000;
/** Keep-alive is precise to this. A sweep over ten thousand idle connections takes well under a millisecond. */
const MAX_SWEEP_MS = 500;
/** The server closes this long after the advertised keep-alive: a request sent at the last moment still arrives in time. */
const KEEP_ALIVE_BUFFER_MS = 1000;

/** For so long an idle connection is kept when descriptors are lacking. */
const SPARED_MS = 1000;
const MAX_CLOSED = 32;

/** Node's timers hold 31 bits. */
const NO_LIMIT_MS = 2 ** 31 - 1;

export class Connections {
  readonly #server: Server;
  readonly #row: LoadRow;
  readonly #isTls: boolean;
  /** undefined: heddle does TLS. */
  readonly #own: OwnServer | undefined;
  readonly #streams: Streams;
  readonly #connections = new LinkedList<ConnectionContext>();
  readonly #keepAliveMs: number;
  readonly #headersTimeoutMs: number;
  readonly #writeTimeoutMs: number;
  readonly #sweepMs: number;
  readonly #onIdle: (() => void) | undefined;
  readonly #acceptsUpgrade: ConnectionHandlers["acceptsUpgrade"];
  readonly #ofApp: ConnectionHandlers["server"];
  readonly #abandon: ConnectionHandlers["abandon"];
  readonly #webSockets: WebSockets;
  readonly #brokenInput = new BrokenInput();
  /** Upgrades that somebody takes. The app is asked once for each. */
  readonly #wanted = new WeakSet<IncomingMessage>();
  #sweptMs = 0;
  #onEmpty: (() => void) | undefined;
  #counted = 0;
  /** Open connections that have left HTTP for good. */
  #givenAway = 0;
  /** Those of them that the row does not count. */
  readonly #uncounted = new WeakSet<Socket>();

  constructor(config: ServerConfig, tls: TlsMaterial | undefined, row: LoadRow, handlers: ConnectionHandlers) {
    this.#row = row;
    this.#webSockets = new WebSockets(row);
    this.#isTls = tls !== undefined;
    this.#streams = new Streams({ enter: handlers.stream, request: handlers.app });
    this.#own =
      tls !== undefined
        ? undefined
        : new OwnServer({
            server: handlers.server,
            http1: (stream) => this.#parse(stream),
            http2: (server) => this.#streams.attach(server),
          });
    this.#onIdle = handlers.idle;
    this.#ofApp = handlers.server;
    this.#acceptsUpgrade = handlers.acceptsUpgrade;
    this.#abandon = handlers.abandon;
    this.#keepAliveMs = config.keepAliveMs + KEEP_ALIVE_BUFFER_MS;
    this.#headersTimeoutMs = config.headersTimeoutMs || Infinity;
    this.#writeTimeoutMs = config.writeTimeoutMs;
    this.#sweepMs = Math.min(MAX_SWEEP_MS, this.#keepAliveMs / 8, config.writeTimeoutMs / 8 || Infinity);
    const options = {
      ...messageOptionsOf(handlers.server()),
      // Idle connections are closed by `sweep`: node:http's own way sets two timers for every request.
      keepAliveTimeout: 0,
      headersTimeout: config.headersTimeoutMs,
      // Bodies have their own guard (idle time and rate). A total limit would cut long, steady uploads.
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(MAX_CHECK_INTERVAL_MS, Math.ceil(config.headersTimeoutMs / 8) || Infinity),
      maxHeaderSize: config.headerBytes,
      // `limits.ts` checks the host, so that all refusals are alike.
      requireHostHeader: false,
      noDelay: true,
      shouldUpgradeCallback: (req: IncomingMessage) => this.#takesOver(req),
    };
    this.#server =
      tls === undefined
        ? http.createServer(options)
        : process.getBuiltinModule("node:https").createServer({
            ...options,
            cert: tls.cert,
            key: tls.key,
            ticketKeys: Buffer.from(tls.ticketKeys, "base64"),
            sessionIdContext: SESSION_CONTEXT,
            handshakeTimeout: config.headersTimeoutMs || NO_LIMIT_MS,
            // A client that offers only others is refused by TLS (RFC 7301 §3.2). One that offers none is accepted.
            ALPNProtocols: ["http/1.1", "http/1.0"],
          });
    this.#server.timeout = 0;
    // 0 is unlimited. node's own limit drops the rest silently; `limits.ts` refuses the request.
    this.#server.maxHeadersCount = 0;
    // The pipeline counts them: node announces the end of the connection, but then leaves it open.
    this.#server.maxRequestsPerSocket = 0;
    // We decide what the end of the client's side means. node:http would end our side.
    allowHalfOpen(this.#server);
    // They see what the app gets, and not what comes from clients: server/app/request-events.ts.
    keepToItself(this.#server);
    this.#server.on("secureConnection", (socket: Socket) => this.#hearEnd(connectionContext.getStore()!, socket));
    this.#server.on("request", handlers.request);
    this.#server.on("checkContinue", handlers.checkContinue);
    this.#server.on("checkExpectation", handlers.checkExpectation);
    this.#server.on("upgrade", (req: IncomingMessage, socket: Duplex, head: Buffer) =>
      outOfHttp(req, socket, (context) => {
        if (!this.#wanted.has(req)) putBack(this.#server, context, req, head);
        else
          afterAnswers(context, () => {
            const here = (): void =>
              handlers.upgrade(req, socket, head, {
                track: () => {
                  // As under Node: what has left HTTP over TLS ends when its client ends its side, and in clear text the app decides.
                  if ("encrypted" in socket) socket.allowHalfOpen = false;
                  this.#webSockets.track(req, socket);
                },
                giveAway: () => this.#giveAway(context),
              });
            if (!handlers.forwardsUpgrade(req, socket, head, context, here)) here();
          });
      }),
    );
    // Without a listener node:http cuts the connection.
    this.#server.on("connect", (req: IncomingMessage, socket: Duplex) =>
      outOfHttp(req, socket, (context) => afterAnswers(context, () => refuseSocket(socket, "TUNNEL_UNSUPPORTED"))),
    );
    this.#server.on("clientError", (error: ParserError, socket: Duplex) => this.#brokenInput.refuse(error, socket));
    this.#server.on("tlsClientError", (_error: Error, socket: Duplex) => socket.destroy());
    serveWithoutListening(this.#server);
  }

  /** For future connections. Only with TLS, heddle's or the app's. */
  useTicketKeys(text: TicketKeys): void {
    const keys = Buffer.from(text, "base64");
    if (this.#own === undefined) (this.#server as HttpsServer).setTicketKeys(keys);
    else this.#own.useTicketKeys(keys);
  }

  /** The connections that the row counts: all open ones, less those that only have to close. */
  get counted(): number {
    return this.#counted;
  }

  /**
   * Takes over a paused socket that the acceptor has counted in the row already. `isHop`: it comes from another instance, which
   * counts the client's connection.
   */
  adopt(socket: Socket, isHop: boolean = false): void {
    const context = new ConnectionContext(socket, isHop);
    this.#connections.add(context);
    if (!isHop) this.#counted++;
    if (this.#onIdle !== undefined)
      context.onLastAnswer = (hasRest) => {
        // The kernel has all of it. `destroy` closes at once. `end`, which node:http just called, takes several loop turns.
        if (!hasRest && context.stream === socket && !maySend(context)) socket.destroy();
        this.#release(context);
      };
    context.onClose = () => {
      this.#connections.remove(context);
      this.#release(context);
      if (context.afterAnswers !== undefined) this.#abandon(context);
      this.#lookIfEmpty();
    };
    // Not `once`, which makes two objects more: a socket closes and ends once.
    socket.on("close", context.onClose);
    // The TLS socket around it inherits this.
    socket.allowHalfOpen = true;
    // Between instances there is no TLS, and no HTTP/2.
    const own = isHop ? undefined : this.#own?.current;
    if (own !== undefined && isSecure(own)) context.handshakeSinceMs = performance.now();
    if (own === undefined && !this.#isTls) this.#hearEnd(context, socket);
    connectionContext.run(context, () => {
      (own ?? this.#server).emit(isHop && this.#isTls ? "secureConnection" : "connection", socket);
      if (own === undefined && context.stream === socket) this.#showServer(socket);
      socket.resume();
    });
  }

  /**
   * Whether node:http hands over the socket of this request, even if nobody wants the upgrade: see upgrade-requests.ts.
   * A request with a body can't be put back, so it becomes the last of its connection.
   */
  #takesOver(req: IncomingMessage): boolean {
    if (this.#isWanted(req)) this.#wanted.add(req);
    else if (isUnfinished(req)) return this.#loseInput();
    return true;
  }

  #loseInput(): false {
    connectionContext.getStore()!.losesInput = true;
    return false;
  }

  /**
   * HTTP/2 over an upgrade is obsolete (RFC 9113 §3.1), but Java's client still offers it. An offer may be ignored. One by
   * HTTP/1.0 must be (RFC 9110 §7.8).
   */
  #isWanted(req: IncomingMessage): boolean {
    return req.httpVersionMinor > 0 && req.headers.upgrade?.toLowerCase() !== "h2c" && this.#acceptsUpgrade(req);
  }

  /** Of a stream that the app's server has decrypted. */
  #parse(stream: Socket): void {
    const context = connectionContext.getStore();
    if (context === undefined) return void stream.destroy();
    context.handshakeSinceMs = 0;
    parseOn(this.#server, stream);
    this.#hearEnd(context, stream);
  }

  #showServer(stream: Socket): void {
    const own = this.#ofApp();
    if (own !== undefined) showServer(stream, own, this.#server);
  }

  #hearEnd(context: ConnectionContext, stream: Socket): void {
    context.stream = stream;
    if (stream !== context.socket) this.#showServer(stream);
    (stream as CarriesConnection)[connectionOf] = context;
    lingerWhereNeeded(stream);
    context.onEnd = () => {
      if (context.active === 0) return;
      if (context.isHop) {
        // The other instance has judged that its client may be answered, or has closed this with its client's connection.
        if (tellsClosedFromEnded() && !isClosed(descriptorOf(stream))) context.halfClosedSinceMs = performance.now();
        else stream.destroy();
        return;
      }
      const behindMs = (): number | undefined =>
        hasNative() ? endBehindLastByteMs(descriptorOf(context.socket)) : undefined;
      const hops = [...(context.hops ?? [])];
      if (hops.some(({ isOnItsWay }) => isOnItsWay)) context.requested = thisMoment();
      if (!mayBeAnswered(context, thisMoment(), behindMs)) endBehindClient(context);
      else for (const hop of hops) hop.clientEnded();
    };
    stream.on("end", context.onEnd);
  }

  /** Ten thousand sockets that stay open for hours must not keep what HTTP needs for a connection. */
  #giveAway(context: ConnectionContext): void {
    const { socket, stream } = context;
    socket.off("close", context.onClose!);
    stream.off("end", context.onEnd!);
    diesOfReset(stream);
    restoreEndings(stream);
    (stream as CarriesConnection)[connectionOf] = undefined;
    this.#connections.remove(context);
    this.#givenAway++;
    // Under `sync` the next connection may come. Under the others it goes on to count.
    if (this.#onIdle !== undefined) this.#release(context);
    if (context.released) this.#uncounted.add(stream);
  }

  /** Such a connection has closed. */
  gone(stream: Socket): void {
    this.#givenAway--;
    if (!this.#uncounted.has(stream)) {
      this.#counted--;
      this.#row.lower("connections");
    }
    this.#lookIfEmpty();
  }

  #lookIfEmpty(): void {
    if (this.#connections.size + this.#givenAway === 0) this.#onEmpty?.();
  }

  /** Closes connections that waited too long for their next request, and those whose client stalled or left. */
  sweep(nowMs: number): void {
    if (nowMs - this.#sweptMs < this.#sweepMs) return;
    this.#sweptMs = nowMs;
    for (const context of this.#connections) {
      const { socket } = context;
      if (context.handshakeSinceMs !== 0) {
        if (nowMs - context.handshakeSinceMs > this.#headersTimeoutMs) socket.destroy();
      } else if (context.idleSinceMs === 0) {
        context.bytesWhenIdle = -1;
        if (context.halfClosedSinceMs !== 0 && isJudgedElsewhere(context)) context.halfClosedSinceMs = nowMs;
        const client = judgeClient(context, outputOf(socket), this.#writeTimeoutMs, nowMs);
        if (client === "stalled") socket.destroy();
        else if (client === "left") endBehindClient(context);
      } else if (context.isHop) {
        // The other instance closes it when it closes the client's connection. A request may be on its way.
      } else if (context.bytesWhenIdle === -1) {
        context.bytesWhenIdle = socket.bytesRead;
      } else {
        const overdueMs = nowMs - context.idleSinceMs - this.#keepAliveMs;
        // A request on its way gets the time its headers may take. The parser times the headers itself, but not the empty
        // lines that may come before them.
        const patienceMs = socket.bytesRead === context.bytesWhenIdle ? 0 : this.#headersTimeoutMs;
        if (overdueMs > patienceMs && !this.#streams.endIdle(context)) socket.destroy();
      }
    }
  }

  /** Resolves when the last connection is closed. The caller sets the time limit. */
  drain(takenOver: boolean): Promise<void> {
    this.#webSockets.dismiss();
    this.#streams.drain();
    if (!takenOver) this.closeIdle();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      this.#lookIfEmpty();
    });
  }

  closeIdle(): void {
    this.#streams.stop();
    this.#server.closeIdleConnections();
    // node:http does not know TLS connections that have not sent anything.
    for (const { socket } of this.#connections) if (socket.bytesRead === 0) socket.destroy();
  }

  /**
   * Clients wait for descriptors: closes those that have waited the longest for their next request, an eighth of them at once, as
   * nginx does. One that has just been answered is left alone: its next request may be on its way, and would be reset.
   */
  makeRoom(nowMs: number): void {
    const isIdle = ({ idleSinceMs, bytesWhenIdle, socket, isHop }: ConnectionContext): boolean =>
      !isHop && idleSinceMs !== 0 && nowMs - idleSinceMs >= SPARED_MS && socket.bytesRead === bytesWhenIdle;
    const idle = [...this.#connections].filter(isIdle).sort((one, other) => one.idleSinceMs - other.idleSinceMs);
    for (const context of idle.slice(0, Math.min(MAX_CLOSED, Math.ceil(idle.length / 8)))) {
      if (!this.#streams.endIdle(context)) context.socket.destroy();
    }
  }

  destroyAll(): void {
    for (const { socket } of this.#connections) socket.destroy();
  }

  #release(context: ConnectionContext): void {
    if (context.released) return;
    context.released = true;
    if (--this.#counted === 0 && this.#onIdle !== undefined) this.#onIdle();
    else this.#row.lower("connections");
  }
}

/** Requests of it run on other instances, which know that the client has ended its side. */
function isJudgedElsewhere({ hops = new Set() }: ConnectionContext): boolean {
  return hops.values().some(({ judgesClient }) => judgesClient);
}

/** The client has left. A response without a length may not look complete to one that has not. */
function endBehindClient({ stream, socket, isHop }: ConnectionContext): void {
  const res = responseOn(stream);
  if (showsItsEnd(res)) stream.end();
  // A hop can't be reset. The instance that has the client sees that the response is not complete.
  else if (isHop) stream.destroy();
  else socket.resetAndDestroy();
}

/** node:http has detached the socket, and calls in the async context of another connection. */
function outOfHttp(req: IncomingMessage, socket: Duplex, next: (context: ConnectionContext) => void): void {
  const context = (req.socket as CarriesConnection)[connectionOf]!;
  context.idleSinceMs = 0;
  survivesReset(socket);
  connectionContext.run(context, next, context);
}
