/**
 * Sticky clients, on one serving thread: which instance of the app each request belongs to, and the way there.
 *
 *   parse → route → choose (instances.ts) ┬ this one: admit → execute → respond, with a cookie
 *                                         └ another one: forwarded-exchange.ts or tunnel.ts ⇄ hop.ts ⇄ hop-listener.ts → parse → …
 *
 * Invariants
 * - A request that was forwarded is served where it arrives. It is never forwarded again.
 * - The instance that runs a request counts it, limits it and logs it. The one that forwards it only keeps it in its list, for its
 *   drain and its client's end.
 * - A connection between instances is closed by the side that forwards. The other side can't close one under a request.
 */

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { reviseFirstWrite } from "../../../platform/node-internals/connections.ts";
import { COUNTER, type LoadRow } from "../../../supervise/load-board.ts";
import type { Exchange } from "../exchange.ts";
import type { ConnectionContext } from "../parse/connection-context.ts";
import type { Route } from "../route/router.ts";
import { ForwardedExchange } from "./forwarded-exchange.ts";
import { Hop, type HopAccess } from "./hop.ts";
import { Instances } from "./instances.ts";
import { cookieValue, stickyCookie } from "./sticky-cookie.ts";
import { Tunnel } from "./tunnel.ts";

export interface StickyOptions {
  /** This instance's name. */
  readonly name: string;
  readonly access: HopAccess;
  readonly row: LoadRow;
}

export class Sticky {
  /** This instance's. */
  readonly name: string;
  readonly #instances: Instances;
  readonly access: HopAccess;
  readonly #row: LoadRow;
  /** Connections of clients with connections to other instances. */
  readonly #forwarding = new Set<ConnectionContext>();
  readonly #tunnels = new Set<Tunnel>();
  #isDraining = false;

  constructor({ name, access, row }: StickyOptions) {
    this.name = name;
    this.#instances = new Instances(name);
    this.access = access;
    this.#row = row;
  }

  /** The instances that take requests now. */
  know(names: readonly string[]): void {
    this.#instances.know(names);
    // The others wait for the end of their connections.
    for (const { hops } of this.#forwarding) {
      for (const hop of hops!) if (hop.isIdle && !this.#instances.lives(hop.instance)) hop.destroy();
    }
  }

  /** The other instance that a request belongs to. undefined: it is served here. */
  chooseFor({ headers }: IncomingMessage, route: Route, connection: ConnectionContext): string | undefined {
    if (route.sticky === "none" || connection.isHop) return undefined;
    const { remoteAddress: address } = connection.socket;
    return this.#instances.choose(route.sticky, { cookie: headers.cookie, address });
  }

  /** The cookie for a response of this instance. undefined: the client has it, or the instance is leaving. */
  cookieFor({ headers: { cookie }, socket }: IncomingMessage, route: Route): string | undefined {
    const { self } = this.#instances;
    if (route.sticky !== "cookie" || !this.#instances.lives(self)) return undefined;
    if (cookie !== undefined && cookieValue(cookie, (value) => value === self) !== undefined) return undefined;
    return stickyCookie(self, "encrypted" in socket);
  }

  /** `here`: the instance can't be reached, so it is to run on this one. */
  forward(exchange: Exchange, instance: string, here: () => void): void {
    const { connection } = exchange;
    const idle = [...(connection.hops ?? [])].find((hop) => hop.instance === instance && hop.isIdle);
    const hop = idle ?? this.#open(instance, connection);
    const forwarded = new ForwardedExchange(exchange, hop, {
      outlives: () => this.#instances.lives(instance),
      here: () => {
        if (hop.isRefused) this.#instances.forget(instance);
        here();
      },
    });
    this.#row.counters[COUNTER.forwarded]!++;
    forwarded.send();
  }

  /** True: the upgrade belongs to another instance. `here`: that one can't be reached. */
  forwardUpgrade(
    req: IncomingMessage,
    upgrade: { readonly socket: Duplex; readonly head: Buffer; readonly route: Route },
    connection: ConnectionContext,
    here: () => void,
  ): boolean {
    const instance = this.chooseFor(req, upgrade.route, connection);
    if (instance === undefined) return false;
    this.#row.counters[COUNTER.forwarded]!++;
    const hop = this.#open(instance, connection);
    const { socket, head } = upgrade;
    const tunnel = new Tunnel({
      req,
      socket,
      head,
      hop,
      here: () => {
        this.#tunnels.delete(tunnel);
        if (hop.isRefused) this.#instances.forget(instance);
        here();
      },
    });
    this.#tunnels.add(tunnel);
    socket.once("close", () => this.#tunnels.delete(tunnel));
    tunnel.open();
    if (this.#isDraining) this.drain();
    return true;
  }

  /** Clients of upgrades must leave this instance. Where the other one leaves too, it tells them itself. */
  drain(): void {
    this.#isDraining = true;
    for (const tunnel of this.#tunnels) if (this.#instances.lives(tunnel.instance)) tunnel.leave();
  }

  /** An upgrade is answered here: its answer sets the cookie, if it is one of HTTP. */
  markUpgrade(req: IncomingMessage, socket: Duplex, route: Route): void {
    const cookie = this.cookieFor(req, route);
    if (cookie === undefined) return;
    reviseFirstWrite(socket, (chunk) => withCookie(chunk, cookie));
  }

  #open(instance: string, connection: ConnectionContext): Hop {
    const hop = new Hop(instance, this.access, connection.stream, () => {
      connection.hops!.delete(hop);
      if (connection.hops!.size === 0) this.#forwarding.delete(connection);
    });
    if (connection.hops === undefined) {
      connection.hops = new Set();
      connection.socket.once("close", () => {
        for (const open of connection.hops!) open.destroy();
      });
    }
    connection.hops.add(hop);
    this.#forwarding.add(connection);
    return hop;
  }
}

/** `Set-Cookie` as the first header of a response that begins in this chunk. Any other chunk stays as it is. */
function withCookie(chunk: unknown, cookie: string): unknown {
  const isText = typeof chunk === "string";
  if (!isText && !(chunk instanceof Uint8Array)) return chunk;
  const text = isText ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("latin1");
  const lineEnd = text.indexOf("\r\n");
  if (!text.startsWith("HTTP/1.") || lineEnd === -1) return chunk;
  const revised = `${text.slice(0, lineEnd)}\r\nSet-Cookie: ${cookie}${text.slice(lineEnd)}`;
  return isText ? revised : Buffer.from(revised, "latin1");
}
