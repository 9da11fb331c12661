/**
 * What the arbiter and a worker say to each other over the worker's IPC channel. The arbiter's side is
 * `server/arbiter/workers/worker-handle.ts`, the worker's `worker-main.ts`.
 *
 *   arbiter                     worker
 *     spawn (IPC channel, fds)
 *     boot                    →
 *                             ← ready        every thread has loaded the app (or boot-failed, and it exits)
 *     serve                   →              the generation is complete: take connections
 *                             ← serving
 *     connection + socket     →              only when the arbiter accepts
 *                             ← load         connections received so far, and open now, and whether it is idle
 *                             ← return + socket   one it could not place before it leaves: another worker's now
 *     recall                  → ← not-begun  under `sync`, see below
 *                             ← beat         every BEAT_INTERVAL_MS; says again and again that it is to be recycled: it
 *                                            has reached max-requests, max-age or max-memory, or got a SIGTERM of its own
 *     ask                     → ← answer     status, threads, health
 *     ticket-keys             →              with TLS, also while it boots: others from now on
 *     stop-accepting          →              the arbiter accepts from now on
 *     drain-soon              →              the server stops: `drain` follows when nobody is left in line (`sync`)
 *     drain                   → ← drained    and the process exits; may be repeated, with a more urgent reason or less time
 *                             ← kill-me      it has a thread that cannot be ended
 *
 * Under `sync` a worker has at most one connection that it has not begun with: the next one, for when it is idle. `load`
 * counts those begun, and until then the arbiter keeps its own copy of the connection. `not-begun` says that the worker
 * has let it go: it answers `recall`, unless a thread was faster and the next `load` counts it, and a worker that drains
 * says so unasked. Either way exactly one of the two has it.
 *
 * The channel closing means that the arbiter is dead: the worker closes its listeners and leaves.
 */

import type { ServerConfig } from "../../config/config.ts";
import type { WireError } from "../../errors/errors.ts";
import type { SparseCounts } from "../../kit/latency-histogram.ts";
import type { TicketKeys, TlsMaterial } from "../http/parse/connection.ts";
import type { SocketAddress } from "./accept/address.ts";
import type { AppSummary, DrainReason, ExchangeView, ListenerAddress } from "./serving/serving-protocol.ts";

/** Readiness is as old as this; four small messages a second cost nothing. */
export const BEAT_INTERVAL_MS = 250;

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
  readonly address: ListenerAddress;
}

export type ToWorker =
  | WorkerBoot
  | { readonly type: "serve" }
  /** Comes with the socket as its handle. */
  | { readonly type: "connection" }
  | { readonly type: "recall" }
  | { readonly type: "stop-accepting" }
  | { readonly type: "ask"; readonly id: number; readonly question: "report" | "threads" }
  | { readonly type: "share"; readonly share: GateShare }
  /** With TLS: they are others from now on. */
  | { readonly type: "ticket-keys"; readonly keys: TicketKeys }
  /** `deadlineMs`: of `monotonicMs`, which is one clock for all processes. */
  | { readonly type: "drain-soon" | "drain"; readonly reason: DrainReason; readonly deadlineMs: number };

/** A worker's part of the server's `--limit` (0: none) and `--queue`. */
export interface GateShare {
  readonly limit: number;
  readonly queue: number;
}

export type FromWorker =
  | { readonly type: "ready"; readonly modules: readonly string[]; readonly app: AppSummary }
  | { readonly type: "boot-failed"; readonly error: WireError; readonly modules: readonly string[] }
  | { readonly type: "serving"; readonly addresses: readonly SocketAddress[] }
  /** `received`: since it started; under `sync` those it has begun with. */
  | { readonly type: "load"; readonly received: number; readonly open: number; readonly idle: boolean }
  | {
      readonly type: "beat";
      readonly openThreads: number;
      readonly healthyThreads: number;
      /** Why it is to be recycled. */
      readonly retire: string | undefined;
    }
  | { readonly type: "answer"; readonly id: number; readonly answer: WorkerReport | readonly ThreadView[] }
  /** Comes with the socket as its handle. */
  | { readonly type: "return" }
  | { readonly type: "not-begun" }
  | { readonly type: "kill-me"; readonly error: WireError }
  /** `cutShort`: threads had to be killed with requests on them. */
  | { readonly type: "drained"; readonly report: WorkerReport; readonly cutShort: boolean };

export interface Counters {
  readonly started: number;
  readonly finished: number;
  readonly shed: number;
  readonly timedOut: number;
  readonly failed: number;
  readonly clientGone: number;
}

export interface ThreadReport {
  readonly index: number;
  readonly state: string;
  /** Its loop has not turned for longer than the blocked threshold. */
  readonly blocked: boolean;
  readonly connections: number;
  readonly inFlight: number;
  readonly queued: number;
  readonly webSockets: number;
  /** Event-loop utilisation of the last window, 0 to 1. */
  readonly utilisation: number;
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
  /** Connections accepted that no thread has yet. */
  readonly waiting: number;
  readonly threads: readonly ThreadReport[];
  readonly pools: readonly PoolReport[];
  readonly counters: Counters;
  /** Handler time and time in the gate's queue, since start and in the last window. */
  readonly handler: SparseCounts;
  readonly queue: SparseCounts;
  readonly handlerWindow: SparseCounts;
  readonly queueWindow: SparseCounts;
  readonly windowMs: number;
}

export interface ThreadView {
  readonly worker: number;
  /** Of a handler thread: its pool. */
  readonly pool?: string;
  readonly thread: number;
  readonly state: string;
  readonly blockedMs: number;
  readonly exchanges: readonly ExchangeView[];
  /** Only of a thread that is stuck. */
  readonly stack: string | undefined;
}
