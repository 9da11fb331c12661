/**
 * The messages between the acceptor and a handler thread, over a port of their own (`supervise/own-port.ts`). Requests come
 * over links from the serving threads (server/models/offload/shared/offload-protocol.ts). The acceptor's side is
 * `handler-thread-handle.ts`, the thread's `handler-thread-main.ts`.
 *
 *   acceptor                        handler thread
 *     spawn (workerData)          →
 *                                 ← ready | boot-failed
 *     link …                      →
 *                                 ← used      (thread-per-request) its one request is done
 *                                 ← tainted   an uncaught exception, or a supervision tree that has ended; replace it
 *     join-runtime                → ← join-runtime   from it: the app uses tasks or actors (runtime/door.ts). To it: do so now
 *     app-socket                  → ← want-socket, give-up-socket   see server/app/listen/app-sockets.ts; also during boot
 *     units                       → ← units-answer, units-row   its tasks and actors: ../report/units-here.ts
 *     drain                       →           its worker drains; the thread still runs new requests
 *     stop                        →
 */

import type { MessagePort } from "node:worker_threads";
import type { ServerConfig } from "../../../config/config.ts";
import type { FromCopy, ToCopy } from "../../app/listen/app-sockets.ts";
import type { WireError } from "../../../errors/errors.ts";
import type { Knock } from "../../../runtime/door.ts";
import type { Seat } from "../../../supervise/slot-table.ts";
import type { LinkEnd, PoolSpec } from "../../models/offload/shared/offload-protocol.ts";
import type { UnitsAsked, UnitsTold } from "../report/units-here.ts";
import type { DrainReason, ListenerAddress } from "../serving/serving-protocol.ts";

export interface HandlerBoot {
  readonly config: ServerConfig;
  readonly address: ListenerAddress;
  readonly pool: PoolSpec;
  readonly board: SharedArrayBuffer;
  readonly id: number;
  /** Its place on the board. */
  readonly seat: Seat;
  /** Carries all messages of this protocol. */
  readonly port: MessagePort;
}

export type ToHandlerThread =
  | { readonly type: "link"; readonly link: LinkEnd }
  /** `cutMs`: the app's `onDrain` delays a `stop` until then at most. */
  | { readonly type: "drain"; readonly reason: DrainReason; readonly cutMs: number }
  | ToCopy
  | { readonly type: "join-runtime" }
  | UnitsAsked
  | { readonly type: "stop" };

export type FromHandlerThread =
  | FromCopy
  | { readonly type: "join-runtime"; readonly knock: Knock }
  | UnitsTold
  | { readonly type: "ready"; readonly modules: readonly string[] }
  | { readonly type: "boot-failed"; readonly error: WireError; readonly modules: readonly string[] }
  | { readonly type: "used" }
  | { readonly type: "tainted"; readonly error: WireError }
  | {
      readonly type: "log";
      readonly level: "error" | "warn" | "info";
      readonly fields: object;
      readonly message: string;
      /** Messages with the same key are logged once for all threads of the pool. */
      readonly once?: string;
    };
