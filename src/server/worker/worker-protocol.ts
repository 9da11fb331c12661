/**
 * The messages between the arbiter and a worker, over the worker's IPC channel. The arbiter's side is
 * `server/arbiter/workers/worker-handle.ts`, the worker's `worker-main.ts`.
 *
 *   arbiter                     worker
 *     spawn (IPC channel, fds)
 *     boot                    →
 *                             ← ready        every thread has loaded the app (or boot-failed, and it exits)
 *     serve                   →              the generation is complete: take connections
 *                             ← serving
 *     connection + socket     →              only when the arbiter accepts
 *                             ← load         connections received so far, open now, how many more it has descriptors for,
 *                                            and whether it is idle
 *     make-room               →              clients wait for the descriptors of its idle connections
 *     handed                  → ← not-received   connections that were sent and did not arrive
 *                             ← return + socket   a draining worker could not place it: for another worker
 *     passed                  → ← pass-on + socket  a worker that accepts has more than another one
 *     pass-checked            → ← pass-check     everything before it has arrived, or never will
 *     recall                  → ← not-begun  under `sync`, see below
 *                             ← beat         every BEAT_INTERVAL_MS; repeats that the worker wants to be recycled: it has
 *                                            reached max-requests, max-age or max-memory, or got a SIGTERM of its own
 *                             ← totals       every second, if requests came: what a worker that is killed has counted
 *     instances               →              with sticky clients: those of the server that take requests
 *     ask                     → ← answer     status, threads, trees of supervisors, leaks
 *     app-socket (+ socket)   → ← want-socket, give-up-socket   what the app listens on beside its server; also during boot
 *     ticket-keys             →              with TLS, also during boot: new keys
 *     stop-accepting          →              from now on the arbiter accepts
 *     drain-soon              →              the server stops: `drain` follows when the queue is empty (`sync`)
 *     drain                   → ← drained    and the process exits; may be repeated with a more urgent reason or less time
 *                             ← kill-me      a thread of the worker can't be ended
 *
 * Under `sync` a worker has at most one connection it has not begun: the next one, for when it is idle. `load` counts the
 * begun ones. Until a connection is begun, the arbiter keeps its own copy. `not-begun` says that the worker dropped it. The
 * worker sends `not-begun` in answer to `recall`, unless a thread was faster (then the next `load` counts it), and unasked
 * when it drains. So exactly one side has the connection.
 *
 * If the channel closes, the arbiter is dead: the worker closes its listeners and exits.
 */

import type { Limit, ServerConfig } from "../../config/config.ts";
import type { WireError } from "../../errors/errors.ts";
import type { SparseCounts } from "../../kit/latency-histogram.ts";
import type { AdaptiveReport } from "../http/admit/adaptive/adaptive-limit.ts";
import type { TicketKeys, TlsMaterial } from "../http/parse/connection.ts";
import type { FromCopy, SocketAnswer } from "../app/listen/app-sockets.ts";
import type { HopAccess } from "../http/sticky/hop.ts";
import type { SocketAddress } from "./accept/address.ts";
import type { Load } from "./accept/handed-connections.ts";
import type { DescriptorReport } from "./descriptor-watch.ts";
import type { Seat } from "./accept/worker-board.ts";
import type { LeakView, ThreadUnits, TreeView, UnitsOfThread } from "./report/unit-views.ts";
import type { AppSummary, DrainReason, ExchangeView, ListenerAddress } from "./serving/serving-protocol.ts";

/** The arbiter's view of readiness is at most this old. Four small messages a second cost nothing. */
export const BEAT_INTERVAL_MS = 250;

/** A worker that is killed takes at most the counts of so long with it. */
export const TOTALS_INTERVAL_MS = 1000;

/** The IPC channel's descriptor in the worker. Listening sockets follow. */
export const CHANNEL_FD = 3;
/** The exit code of a worker that has failed itself, where the app could have ended it too. */
export const BROKEN = 70;
/** And of one that got a SIGTERM before it was ready. */
export const TERMINATED = 143;

export type { TicketKeys, TlsMaterial } from "../http/parse/connection.ts";

/** A listening socket the worker inherits. */
export interface InheritedListener {
  readonly fd: number;
  readonly kind: "tcp" | "unix" | "fd";
}

export interface WorkerBoot {
  readonly type: "boot";
  /** `limit` and `queue` are this worker's share. */
  readonly config: ServerConfig;
  readonly tls: TlsMaterial | undefined;
  readonly slot: number;
  readonly generation: number;
  /** Empty when the arbiter accepts. */
  readonly listeners: readonly InheritedListener[];
  /** Its place on the board of all workers, if it is one event loop and accepts by itself. */
  readonly seat: Seat | undefined;
  readonly address: ListenerAddress;
  /** How instances of the app forward requests to each other. undefined: they don't, for `check`. */
  readonly hop: HopAccess | undefined;
  /** `check`: load the app on one thread, report about it, and serve nothing. */
  readonly purpose: "serve" | "check";
  /** For the threads that run the app, if the main thread does not: it was started without them (`supervise/preloads.ts`). */
  readonly preloads: readonly string[];
  /** What the app has in its environment instead of what the process was started with. */
  readonly nodeOptions: string | undefined;
}

export type ToWorker =
  | WorkerBoot
  | { readonly type: "serve" }
  /** Comes with the socket as its handle. `number`: they count up from 1. `isCounted`: in the worker's row already. */
  | { readonly type: "connection"; readonly number: number; readonly isCounted: boolean }
  /** All connections up to this number have arrived, or never will. */
  | { readonly type: "handed"; readonly upTo: number }
  | { readonly type: "recall" }
  /** This `pass-on` has arrived. */
  | { readonly type: "passed"; readonly id: number }
  /** The answer to `pass-check`. */
  | { readonly type: "pass-checked"; readonly upTo: number }
  | { readonly type: "stop-accepting" }
  /** Clients wait, and this worker lacks descriptors. */
  | { readonly type: "make-room" }
  /** `given` comes with the listening socket as its handle. */
  | {
      readonly type: "app-socket";
      readonly id: number;
      readonly outcome: SocketAnswer["outcome"];
    }
  | { readonly type: "ask"; readonly id: number; readonly question: WorkerQuestion }
  | { readonly type: "share"; readonly share: GateShare }
  /** Those of the whole server that take requests now. Only with sticky clients. */
  | { readonly type: "instances"; readonly names: readonly string[] }
  /** With TLS: new keys. */
  | { readonly type: "ticket-keys"; readonly keys: TicketKeys }
  /** `deadlineMs`: of `monotonicMs`, which is the same clock in all processes. */
  | { readonly type: "drain-soon" | "drain"; readonly reason: DrainReason; readonly deadlineMs: number };

export type WorkerQuestion = "report" | "threads" | "tree" | "leaks";

/** A worker's part of the server's `--limit` (0: none) and `--queue`, and among how many workers a route's are divided. */
export interface GateShare {
  readonly limit: Limit;
  readonly queue: number;
  readonly workers: number;
}

export type FromWorker =
  | {
      readonly type: "ready";
      readonly modules: readonly string[];
      readonly app: AppSummary;
      readonly instances: readonly string[];
    }
  | { readonly type: "boot-failed"; readonly error: WireError; readonly modules: readonly string[] }
  | { readonly type: "serving"; readonly addresses: readonly SocketAddress[] }
  /** Under `sync`, `received` counts those it has begun. */
  | ({ readonly type: "load" } & Load)
  | {
      readonly type: "beat";
      readonly openThreads: number;
      readonly healthyThreads: number;
      /** Its instances that take requests from others. */
      readonly instances: readonly string[];
      /** Why it wants to be recycled. */
      readonly retire: string | undefined;
      /** Because it is broken, although it still serves. */
      readonly isBroken: boolean;
    }
  | { readonly type: "totals"; readonly totals: WorkerTotals }
  | { readonly type: "answer"; readonly id: number; readonly answer: WorkerAnswer }
  /** Comes with the socket as its handle. */
  | { readonly type: "return" }
  /** The same, for the worker with this pid. It is counted in its row. */
  | { readonly type: "pass-on"; readonly pid: number; readonly id: number }
  | { readonly type: "pass-check"; readonly upTo: number }
  | { readonly type: "not-begun" }
  /** Connections that have not arrived, and never will: there were no descriptors left. */
  | { readonly type: "not-received"; readonly from: number; readonly upTo: number }
  | FromCopy
  | { readonly type: "kill-me"; readonly error: WireError }
  /** `cutShort`: requests were cut, or threads were killed, at the graceful timeout. */
  | { readonly type: "drained"; readonly report: WorkerReport; readonly cutShort: boolean };

export type WorkerAnswer = WorkerReport | readonly ThreadView[] | readonly TreeView[] | readonly LeakView[];

export interface Counters {
  readonly started: number;
  readonly finished: number;
  readonly shed: number;
  readonly timedOut: number;
  readonly failed: number;
  readonly clientGone: number;
  /** Requests and upgrades that were forwarded to their clients' instances. They are counted there as well. */
  readonly forwarded: number;
  /** Messages that WebSockets (`socketActor`) did not send to slow clients, and slow clients that were closed. */
  readonly droppedMessages: number;
  readonly closedSlow: number;
}

export interface ThreadReport {
  readonly index: number;
  /** It is its worker's main thread. */
  readonly isMain: boolean;
  readonly state: string;
  /** Its loop has not turned for longer than the blocked threshold. */
  readonly blocked: boolean;
  readonly connections: number;
  readonly inFlight: number;
  readonly queued: number;
  readonly webSockets: number;
  /** Event-loop utilisation of the last window, 0 to 1. */
  readonly utilisation: number;
  /** For how long its loop has been busy or blocked since it started. */
  readonly busyMs: number;
  /** How often its loop turned 10 ms or more later than it should since it started: by how much at most, and how often. */
  readonly late: readonly (readonly [upToMs: number, count: number])[];
}

/** A pool of handler threads. */
export interface PoolReport {
  readonly name: string;
  readonly model: string;
  /** Threads ready now, and how many there may be. */
  readonly threads: number;
  readonly min: number;
  readonly max: number;
  /** Threads that have a request. */
  readonly busy: number;
  /** Requests on them. */
  readonly inFlight: number;
  /** Requests that wait for a thread. */
  readonly queued: number;
}

export interface WorkerReport {
  readonly pid: number;
  readonly slot: number;
  readonly generation: number;
  readonly uptimeMs: number;
  readonly rssBytes: number;
  /** Threads replaced since the worker started. */
  readonly threadRestarts: number;
  /** Accepted connections that no thread has yet. */
  readonly waiting: number;
  /** undefined: they can't be counted. */
  readonly descriptors: DescriptorReport | undefined;
  readonly threads: readonly ThreadReport[];
  readonly pools: readonly PoolReport[];
  /** The gates with adaptive limits. */
  readonly limits: readonly AdaptiveReport[];
  /** Counts of tasks and actors, of each thread whose app has imported `heddle/tasks` or `heddle/actors`. */
  readonly units: readonly UnitsOfThread[];
  /** Actors that were ended because they computed for longer than their budget. */
  readonly runaways: number;
  readonly counters: Counters;
  /** Handler time and time in the gate's queue, since start and in the last window. */
  readonly handler: SparseCounts;
  readonly queue: SparseCounts;
  readonly handlerWindow: SparseCounts;
  readonly queueWindow: SparseCounts;
  readonly windowMs: number;
}

/** Of a report, what only grows. */
export type WorkerTotals = Pick<WorkerReport, "counters" | "handler" | "queue" | "threadRestarts" | "runaways">;

export interface ThreadView {
  readonly worker: number;
  /** Set for a handler thread: its pool. */
  readonly pool?: string;
  /** Set for a thread that the app has started for tasks or actors: "scheduler" or "blocking". */
  readonly role?: string;
  readonly thread: number;
  readonly state: string;
  readonly blockedMs: number;
  readonly exchanges: readonly ExchangeView[];
  /** Set for a stuck thread only. */
  readonly stack: string | undefined;
  /** Its tasks and actors, if the app has imported `heddle/tasks` or `heddle/actors`. */
  readonly units?: ThreadUnits;
}
