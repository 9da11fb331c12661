/** What the sockets of one kind share, on one serving thread. */

import type { Socket } from "node:net";
import type { Pid } from "../../../actors/process/pid.ts";
import type { Connection } from "./connection.ts";
import type { QuietLimits } from "./keep-alive.ts";
import type { Drain, Sockets } from "./running-sockets.ts";
import type { SocketActor } from "../socket-actor.ts";
import type { SocketHost } from "../socket-host.ts";
import type { ResolvedOptions } from "../socket-options.ts";
import type { HandshakeRequest } from "../socket-request.ts";
import { Parsers } from "../wire/ws-parts.ts";

/** What connections of one kind share. */
export class SocketsOfKind {
  readonly kind: SocketActor;
  readonly options: ResolvedOptions;
  readonly limits: QuietLimits;
  readonly host: SocketHost;
  readonly supervisor: Pid;
  readonly parsers: Parsers;
  open = 0;
  readonly #sockets: Sockets;

  constructor(kind: SocketActor, sockets: Sockets) {
    this.kind = kind;
    this.options = kind.options;
    this.limits = { ...kind.options, writeTimeoutMs: sockets.host.writeTimeoutMs };
    this.host = sockets.host;
    this.supervisor = sockets.supervisor;
    this.parsers = new Parsers(kind.options);
    this.#sockets = sockets;
  }

  nowMs(): number {
    return this.#sockets.nowMs;
  }

  drained(): Drain | undefined {
    return this.#sockets.drained;
  }

  crashed(connection: Connection, error: unknown): void {
    const { request, route } = connection;
    this.host.failed(fieldsOf(request, route, this.host), error, "the WebSocket's actor failed");
  }

  closed(connection: Connection, stream: Socket): void {
    const { request, route, code, received, sent, dropped, openedMs } = connection;
    this.open--;
    const socket = { code, openMs: this.nowMs() - openedMs, received, sent, dropped };
    this.host.closed(stream, { ...fieldsOf(request, route, this.host), status: 101, socket });
  }

  /** Its connection is closed, and its actor has exited. */
  forget(connection: Connection): void {
    this.#sockets.connections.remove(connection);
  }
}

/** Of the log. */
export function fieldsOf(
  request: HandshakeRequest,
  route: string,
  host: SocketHost,
): { readonly id: string; readonly url: string; readonly route: string } {
  const { url, headers } = request;
  const id = headers["x-request-id"] ?? "";
  request.id ??= SANE_ID.test(id) ? id : host.nextId();
  return { id: request.id, url, route };
}

/** Anything else could break a log line. */
const SANE_ID = /^[\w.:@/+=-]{1,128}$/;
