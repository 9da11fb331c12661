/**
 * The messages between the acceptor and a serving thread, over a port of their own (`supervise/own-port.ts`). The acceptor's
 * side is `serving-thread-handle.ts`, the thread's `serving-thread-main.ts`.
 *
 *   acceptor                         thread
 *     spawn (workerData: ThreadBoot) →
 *                                    ← loaded   the app is imported; these routes have limits
 *     gates                          →
 *                                    ← ready    onStart ran; sockets may come
 *     listen, peers                  → ← listening | listen-failed   it accepts by itself
 *                                    ← full     it has stopped, because descriptors are lacking. `listen` may follow
 *     make-room                      →          clients wait for descriptors: idle connections are closed
 *                                    ← pass-on, pass-to-worker  a connection that another thread or worker should have
 *     socket / fds …                 →          connections from the acceptor
 *     take                           → ← turn   under `sync`: its row holds a connection (`prefetched-connection.ts`)
 *     stop-listening                 →
 *                                    ← join-runtime  the app uses tasks or actors (runtime/door.ts); at any time
 *     app-socket                     → ← want-socket, give-up-socket   see server/app/listen/app-sockets.ts; also during boot
 *     ticket-keys                    →          with TLS: new keys
 *     instances                      →          with sticky clients: who takes requests
 *     inspect                        → ← exchanges
 *     units                          → ← units-answer, units-row   its tasks and actors: ../report/units-here.ts
 *     drain-soon                     →          the drain has begun; connections still come (`sync`)
 *     drain                          → ← emptied  its last connection is closed
 *     end                            ← drained  the app's process-like end: its SIGTERM and exit listeners
 *
 * `boot-failed` may come instead of `loaded` or `ready`. `tainted` may come at any later time: an uncaught exception, so the
 * thread should be replaced.
 */

import type { Socket } from "node:net";
import type { MessagePort } from "node:worker_threads";
import type { FromCopy, ToCopy } from "../../app/listen/app-sockets.ts";
import type { ServerSettings } from "../../app/server-settings.ts";
import type { Limit, ServerConfig } from "../../../config/config.ts";
import type { DrainReason } from "../../../config/drain-reason.ts";
import type { WireError } from "../../../errors/errors.ts";
import type { LogLevel } from "../../../log/log.ts";
import type { Knock } from "../../../runtime/door.ts";
import type { OwnProtocol } from "../../../platform/app-servers.ts";
import type { TicketKeys, TlsMaterial } from "../../http/parse/connection.ts";
import type { HopAccess } from "../../http/sticky/hop.ts";
import type { ModelName } from "../../models/model.ts";
import type { LinkEnd, PoolMemory, PoolSpec } from "../../models/offload/shared/offload-protocol.ts";
import type { UpgradesTold } from "../../models/upgrades.ts";
import type { GateHandle } from "../../http/admit/gate.ts";
import type { SocketAddress } from "../accept/address.ts";
import type { Seat } from "../accept/worker-board.ts";
import type { UnitsAsked, UnitsTold } from "../report/units-here.ts";
import type { DrainTimes } from "./drain-times.ts";

export type { DrainReason } from "../../../config/drain-reason.ts";

export interface ThreadBoot {
  readonly config: ServerConfig;
  /** Number of the thread within its worker. Its replacement keeps it. Logs, headers and `status` show it. */
  readonly index: number;
  readonly row: SharedArrayBuffer | Seat;
  readonly tls: TlsMaterial | undefined;
  readonly address: ListenerAddress;
  /** Carries all messages of this protocol. */
  readonly port: MessagePort;
  /** `check`: load the app, report about it, serve nothing. */
  readonly purpose: "serve" | "check";
  /** How instances of the app forward requests to each other. */
  readonly hop: HopAccess | undefined;
}

export interface ListenerAddress {
  readonly url: string;
  readonly host: string;
  readonly port: number;
}

export interface LimitedRoute {
  readonly name: string;
  readonly limit: Limit;
  readonly queue: number;
  /** Of the whole server: each worker gets a share. Otherwise of each worker. */
  readonly isOfServer: boolean;
}

export interface AppSummary {
  readonly file: string;
  readonly shape: string;
  readonly routes: readonly {
    readonly name: string;
    readonly model: ModelName;
    /** The handler threads it runs on, if its model uses them. */
    readonly pool?: PoolSpec;
    readonly timeoutMs: number;
    readonly sticky: ServerConfig["sticky"];
    readonly limit?: Limit;
  }[];
  /** Warning about WebSockets that the app takes but some models can't. */
  readonly upgrades: UpgradesTold | undefined;
  /** What the app's own server speaks, if it gets the connections. undefined: heddle's server has them. */
  readonly protocol: OwnProtocol | undefined;
  /** The settings of the app's own http.Server. */
  readonly server: ServerSettings | undefined;
  /** Warnings about paths that the app's own router treats as the same and the routes do not. */
  readonly routing: readonly string[];
  /** What this Node lacks, and heddle works without. */
  readonly node: readonly string[];
}

export type ToThread =
  | {
      readonly type: "gates";
      readonly gates: Readonly<Record<string, GateHandle>>;
      /** By pool of handler threads. */
      readonly memories: Readonly<Record<string, PoolMemory>>;
    }
  | { readonly type: "handler"; readonly pool: string; readonly id: number; readonly link: LinkEnd }
  | { readonly type: "handler-gone"; readonly pool: string; readonly id: number; readonly error: WireError }
  | { readonly type: "socket"; readonly socket: Socket }
  /** A connection as a file descriptor of this process that the thread must close: Unix sockets can't be transferred. */
  | { readonly type: "fds"; readonly fds: readonly number[] }
  /** Under `sync`: wakes it, because it may have slept when a connection was put into its row. */
  | { readonly type: "take" }
  /** Descriptors of the worker's listening sockets, for this thread alone. */
  | { readonly type: "listen"; readonly fds: readonly number[] }
  | { readonly type: "stop-listening" }
  | { readonly type: "make-room" }
  /** The other threads that take connections, with their rows of the load board. */
  | {
      readonly type: "peers";
      readonly peers: readonly { readonly threadId: number; readonly row: SharedArrayBuffer }[];
    }
  | ToCopy
  | UnitsAsked
  | { readonly type: "inspect"; readonly id: number }
  | { readonly type: "end" }
  /** The instances of the whole server that take requests. */
  | { readonly type: "instances"; readonly names: readonly string[] }
  | { readonly type: "ticket-keys"; readonly keys: TicketKeys }
  | { readonly type: "drain-soon" | "drain"; readonly reason: DrainReason; readonly times: DrainTimes };

export interface ExchangeView {
  readonly id: string;
  readonly method: string;
  readonly url: string;
  readonly route: string;
  readonly model: string;
  /** The handler thread that runs it, and that thread's pool. */
  readonly handler: number | undefined;
  readonly pool: string | undefined;
  readonly state: string;
  readonly forMs: number;
}

export type FromThread =
  | FromCopy
  | UnitsTold
  | {
      readonly type: "loaded";
      readonly limited: readonly LimitedRoute[];
      readonly pools: readonly PoolSpec[];
      readonly summary: AppSummary;
    }
  | { readonly type: "join-runtime"; readonly knock: Knock }
  | { readonly type: "want-handlers"; readonly pool: string }
  | { readonly type: "kill-handler"; readonly pool: string; readonly id: number; readonly why: string }
  | {
      readonly type: "ready";
      readonly modules: readonly string[];
      /** Its name for the others, if it has sticky clients. */
      readonly instance: string | undefined;
      /** Read again: apps also attach their WebSockets and set up their servers in `onStart`. */
      readonly told: Pick<AppSummary, "upgrades" | "server" | "protocol">;
    }
  | { readonly type: "boot-failed"; readonly error: WireError; readonly modules: readonly string[] }
  | { readonly type: "exchanges"; readonly id: number; readonly exchanges: readonly ExchangeView[] }
  | { readonly type: "listening"; readonly addresses: readonly SocketAddress[] }
  | { readonly type: "listen-failed"; readonly error: WireError }
  | { readonly type: "full" }
  | { readonly type: "pass-on"; readonly fd: number; readonly threadId: number }
  /** The same for another worker. */
  | { readonly type: "pass-to-worker"; readonly fd: number; readonly pid: number }
  /** Under `sync`: it has begun a connection, or its last one has closed. */
  | { readonly type: "turn" }
  | { readonly type: "unblocked"; readonly blockedMs: number }
  | { readonly type: "tainted"; readonly error: WireError }
  | {
      readonly type: "log";
      readonly level: Exclude<LogLevel, "silent" | "trace" | "fatal">;
      readonly fields: object;
      readonly message: string;
      /** Messages with the same key are logged once for all threads of the worker. */
      readonly once?: string;
    }
  | { readonly type: "emptied" }
  /** `cutShort`: the number of requests that did not get their whole answer. */
  | { readonly type: "drained"; readonly cutShort: number };
