/**
 * Connections of an app whose own server does TLS or HTTP/2: `https.createServer({ key, cert })`, `http2.createSecureServer()`.
 *
 *   accepted socket → the app's server: its handshake, with its certificates, SNI, ALPN, client certificates, events
 *                     → HTTP/1: back to heddle's parser (connection.ts), as after heddle's own TLS
 *                     → HTTP/2: Node's session; its streams go through the pipeline (streams.ts)
 *
 * The app's server gets each socket as if it had accepted it. Everything before the first request is Node's code and the app's
 * options, so nothing of TLS is repeated here. Only Node's listener that begins to serve is replaced.
 *
 * Invariant: while the app has such a server, no connection is read as HTTP/1 in clear text.
 *
 * Rejected: reading the options of the app's server for a server of heddle's. Node does not keep all of them, and contexts that the
 * app sets later would be missed.
 */

import type { Server, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Server as TlsServer, TLSSocket } from "node:tls";
import { isHttp2Server, protocolOf } from "../../../platform/app-servers.ts";
import { replaceServing, takesHttp1 } from "../../../platform/node-internals/app-servers.ts";
import { SharedTicketKeys } from "./ticket-keys.ts";

export interface OwnServerOptions {
  /** The app's server, as far as it has one by now. */
  readonly server: () => Server | undefined;
  /** A stream that carries HTTP/1. */
  readonly http1: (stream: Socket) => void;
  /** Before its first connection. Of an HTTP/2 server only. */
  readonly http2: (server: Server) => void;
}

export class OwnServer {
  readonly #options: OwnServerOptions;
  readonly #prepared = new WeakSet<Server>();
  /** Of the latest server. */
  #tickets: SharedTicketKeys | undefined;
  #ticketKeys: Buffer | undefined;

  constructor(options: OwnServerOptions) {
    this.#options = options;
  }

  /** The server that the next connection is for. undefined: heddle's. Ask each time: an app may close its server and make another. */
  get current(): Server | undefined {
    const server = this.#options.server();
    if (server === undefined) return undefined;
    if (!this.#prepared.has(server)) this.#prepare(server);
    return protocolOf(server) === undefined ? undefined : server;
  }

  /** For future connections. */
  useTicketKeys(keys: Buffer): void {
    this.#ticketKeys = keys;
    this.#tickets?.use(keys);
  }

  #prepare(server: Server): void {
    this.#prepared.add(server);
    const protocol = protocolOf(server);
    if (protocol === undefined) return;
    if (protocol !== "h2c") this.#shareTickets(server as TlsServer);
    if (isHttp2Server(server)) this.#options.http2(server);
    if (protocol !== "h2c") replaceServing(server, (serve) => (stream) => this.#serve(server, stream, serve));
  }

  #serve(server: Server, stream: Duplex, serve: (stream: Duplex) => void): void {
    const isHttp2 = isHttp2Server(server);
    if (isHttp2 && ((stream as TLSSocket).alpnProtocol === "h2" || !takesHttp1(server))) serve(stream);
    else this.#options.http1(stream as Socket);
  }

  #shareTickets(server: TlsServer): void {
    this.#tickets = new SharedTicketKeys(server);
    if (this.#ticketKeys !== undefined) this.#tickets.use(this.#ticketKeys);
  }
}
