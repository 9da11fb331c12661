/**
 * How a request for a WebSocket that is an actor enters: from the checked and routed handshake to what runs the socket
 * (server/sockets/). Sockets of different copies of this package are run by their own copies.
 */

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ServerConfig } from "../../config/config.ts";
import { toWire } from "../../errors/errors.ts";
import { hasNative, isClosed, unacknowledgedMs } from "../../platform/native.ts";
import { descriptorOf, outputOf } from "../../platform/node-internals/handles.ts";
import { COUNTER, type LoadRow } from "../../supervise/load-board.ts";
import type { SocketActor } from "../sockets/socket-actor.ts";
import type { Drained, RunningSockets, SocketHost, StartSockets } from "../sockets/socket-host.ts";
import type { AccessLog } from "./access-log.ts";
import { nextRequestId } from "./exchange.ts";
import type { LeavingHttp } from "./parse/connection.ts";
import { answerSocket } from "./respond/respond.ts";
import type { Route, Router } from "./route/router.ts";

export interface SocketEntryOptions {
  readonly config: ServerConfig;
  readonly router: Router;
  readonly row: LoadRow;
  readonly log: (level: "error" | "warn", fields: object, message: string) => void;
}

/** One that has left HTTP. */
interface Accepted {
  readonly route: Route;
  readonly leaving: LeavingHttp;
}

export class SocketEntry {
  /** The access log, if there is one. Set by the pipeline. */
  accessLog: AccessLog | undefined;
  /** The connection has closed. Set by whoever has the connections. */
  gone: (stream: Socket) => void = () => {};
  readonly #running: ReadonlyMap<SocketActor, RunningSockets>;
  readonly #all: ReadonlySet<RunningSockets>;

  private constructor(running: ReadonlyMap<SocketActor, RunningSockets>) {
    this.#running = running;
    this.#all = new Set(running.values());
  }

  /** Loads what runs the sockets of the routes. undefined: there are none. */
  static async open({ config, router, row, log }: SocketEntryOptions): Promise<SocketEntry | undefined> {
    const kinds = [router.fallback, ...router.routes].flatMap(({ websocket }) => websocket ?? []);
    if (kinds.length === 0) return undefined;
    let entry: SocketEntry | undefined;
    const host: SocketHost = {
      writeTimeoutMs: config.writeTimeoutMs,
      handshakeTimeoutMs: config.headersTimeoutMs,
      nextId: nextRequestId,
      opened: () => void Atomics.add(row.counters, COUNTER.webSockets, 1),
      slow: (what, times) => {
        row.counters[what === "dropped" ? COUNTER.droppedMessages : COUNTER.closedSlow]! += times;
      },
      closed: (socket, record) => {
        row.lower("webSockets");
        entry!.gone(socket);
        entry!.accessLog?.writeSocket(record);
      },
      refused: (socket, record, refusal) => {
        answerSocket(socket, refusal);
        entry!.accessLog?.writeSocket(record);
      },
      failed: (fields, error, message) => log("error", { ...fields, err: toWire(error) }, message),
      takenBytes: (socket) => outputOf(socket).takenBytes,
      isBroken: (socket) => hasNative() && isClosed(descriptorOf(socket)),
      unacknowledgedMs: (socket) => (hasNative() ? unacknowledgedMs(descriptorOf(socket)) : undefined),
    };
    const copies = new Map<() => Promise<StartSockets>, Promise<RunningSockets>>();
    const running = kinds.map(async (kind): Promise<[SocketActor, RunningSockets]> => {
      const started = copies.get(kind.load) ?? kind.load().then((start) => start(host));
      copies.set(kind.load, started);
      return [kind, await started];
    });
    entry = new SocketEntry(new Map(await Promise.all(running)));
    return entry;
  }

  /** Any other request with an offer is the app's. */
  takes({ method, headers }: IncomingMessage, { websocket }: Route): boolean {
    return websocket !== undefined && method === "GET" && headers.upgrade?.toLowerCase() === "websocket";
  }

  accept(req: IncomingMessage, socket: Duplex, head: Buffer, { route, leaving }: Accepted): void {
    const kind = route.websocket!;
    const leaveHttp = (): void => leaving.giveAway();
    this.#running.get(kind)!.accept(kind, { req, socket: socket as Socket, head, route: route.name, leaveHttp });
  }

  /** Resolves in a drain, when no actor has anything to finish any more. */
  async ended(): Promise<void> {
    for (const { ended } of this.#all) await ended;
  }

  sweep(nowMs: number): void {
    for (const sockets of this.#all) sockets.sweep(nowMs);
  }

  drain(why: Drained): void {
    for (const sockets of this.#all) sockets.drain(why);
  }

  lastCall(): void {
    for (const sockets of this.#all) sockets.lastCall();
  }

  destroyAll(): void {
    for (const sockets of this.#all) sockets.destroyAll();
  }
}
