/**
 * The messages between a serving thread and a handler thread, over a port of their own. The serving thread's side is
 * `pool-client.ts` and `remote-job.ts`, the handler thread's `job-runner.ts`.
 *
 *   serving thread                    handler thread
 *     jobs (one or more)          →   queued there; each is claimed in the ring when its turn comes
 *                                 ←   pull        the handler reads the request's body
 *     body … body-end             →
 *                                 ←   write …     bytes of the response, exactly as for the client
 *                                 ←   answers     complete responses and ends of jobs are in shared memory (`response-ring.ts`)
 *     credit                      →               the client has taken this many bytes
 *                                 ←   failed      the handler threw or rejected
 *                                 ←   misframed   its response could not be sent as it was
 *     abort                       →   ← heard     the loop turns: the handler was told
 *     ping                        →   ← alive     the loop turns
 *                                 ←   beside      a job only waits, or no longer (`reclassify`)
 *                                 ←   held        a job computes, or none any longer (`reclassify`)
 *                                 ←   done        a job is done, and the shared memory is full
 *
 * Both directions have flow control: bodies move only as fast as the other side reads them.
 */

import type { ExpectEvent } from "../../../app/load/load-app.ts";
import type { FramingFault } from "../../../app/response-framing.ts";
import type { ErrorCode, WireError } from "../../../../errors/errors.ts";
import type { ClientTls } from "../../../../platform/client-tls.ts";
import type { Seat } from "../../../../supervise/slot-table.ts";

/** The two ends of the client's connection, as the handler sees them on `req.socket`. */
export interface Endpoints {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly remoteFamily: string | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  /** undefined: it is in clear text. */
  readonly tls: ClientTls | undefined;
}

/** One request, ready to be run. */
export interface Job {
  /** Its number on its link, used in every message, and its cell in the ring. Counts up and wraps at 2^32. */
  readonly seq: number;
  readonly method: string;
  readonly url: string;
  readonly httpVersionMinor: number;
  readonly rawHeaders: string[];
  readonly hasBody: boolean;
  /** Sent while another job ran: it counts as waiting until it begins. */
  readonly ahead: boolean;
  readonly expects: ExpectEvent | undefined;
  readonly keepsAlive: boolean;
  /** Headers that the server set before the app runs (`--debug-headers`). */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** monotonicMs() when its head was parsed, if a `server-timing` header is wanted. */
  readonly timedFromMs: number | undefined;
  readonly endpoints: Endpoints;
  /** As its route was written, for the names of tasks. */
  readonly route: string;
  /** The time that its handler has. 0: no limit. */
  readonly timeoutMs: number;
}

/** A job as it is sent: a flat list costs half as much as an object, on both sides. */
export type WireJob = readonly [
  seq: number,
  method: string,
  url: string,
  httpVersionMinor: number,
  rawHeaders: string[],
  flags: number,
  expects: ExpectEvent | undefined,
  headers: Job["headers"],
  timedFromMs: number | undefined,
  remoteAddress: string | undefined,
  remotePort: number | undefined,
  remoteFamily: string | undefined,
  localAddress: string | undefined,
  localPort: number | undefined,
  route: string,
  timeoutMs: number,
  tls: ClientTls | undefined,
];

const HAS_BODY = 1;
const KEEPS_ALIVE = 2;
const AHEAD = 8;

export function encodeJob(job: Job): WireJob {
  const { endpoints } = job;
  const flags = (job.hasBody ? HAS_BODY : 0) | (job.keepsAlive ? KEEPS_ALIVE : 0) | (job.ahead ? AHEAD : 0);
  return [
    job.seq,
    job.method,
    job.url,
    job.httpVersionMinor,
    job.rawHeaders,
    flags,
    job.expects,
    job.headers,
    job.timedFromMs,
    endpoints.remoteAddress,
    endpoints.remotePort,
    endpoints.remoteFamily,
    endpoints.localAddress,
    endpoints.localPort,
    job.route,
    job.timeoutMs,
    endpoints.tls,
  ];
}

export function decodeJob(wire: WireJob): Job {
  const [seq, method, url, httpVersionMinor, rawHeaders, flags, expects, headers, timedFromMs] = wire;
  const [, , , , , , , , , remoteAddress, remotePort, remoteFamily, localAddress, localPort, route, timeoutMs, tls] =
    wire;
  return {
    seq,
    method,
    url,
    httpVersionMinor,
    rawHeaders,
    hasBody: (flags & HAS_BODY) !== 0,
    ahead: (flags & AHEAD) !== 0,
    expects,
    keepsAlive: (flags & KEEPS_ALIVE) !== 0,
    headers,
    timedFromMs,
    endpoints: { remoteAddress, remotePort, remoteFamily, localAddress, localPort, tls },
    route,
    timeoutMs,
  };
}

export type Part = string | Uint8Array;

export type ToHandler =
  | { readonly type: "jobs"; readonly jobs: readonly WireJob[] }
  | { readonly type: "body"; readonly seq: number; readonly chunk: Uint8Array }
  | { readonly type: "body-end"; readonly seq: number; readonly rawTrailers: readonly string[] }
  | { readonly type: "credit"; readonly seq: number; readonly bytes: number }
  | { readonly type: "abort"; readonly seq: number; readonly abort: Abort }
  | { readonly type: "ping"; readonly seq: number };

/**
 * `refusal`: the client has its answer, so the handler's later writes are dropped. After a `DrainError` the client is still
 * there, and another abort may follow.
 */
export interface Abort {
  readonly name: "AbortError" | "TimeoutError" | "DrainError";
  readonly message: string;
  readonly refusal: ErrorCode | undefined;
}

export type FromHandler =
  | {
      readonly type: "write";
      readonly seq: number;
      readonly parts: readonly Part[];
      /** Encoding of the parts that are strings. */
      readonly encoding: BufferEncoding;
      readonly kind: "informational" | "response";
      readonly status: number;
      readonly keepsAlive: boolean;
      /** These bytes complete the response. */
      readonly ends: boolean;
    }
  | { readonly type: "pull"; readonly seq: number }
  | { readonly type: "failed"; readonly seq: number; readonly error: WireError }
  | { readonly type: "misframed"; readonly seq: number; readonly fault: FramingFault }
  | { readonly type: "destroyed"; readonly seq: number }
  | { readonly type: "heard"; readonly seq: number }
  | { readonly type: "alive"; readonly seq: number }
  /** Whether others may run on the thread beside this job, from now on. */
  | { readonly type: "beside"; readonly seq: number; readonly beside: boolean }
  /** Whether a job computes or blocks, so that its thread takes no others. */
  | { readonly type: "held"; readonly held: boolean }
  | { readonly type: "done"; readonly seq: number; readonly ranMs: number }
  | { readonly type: "answers" };

/** A serving thread's end of its link to a handler thread. The other end has the same memory. */
export interface LinkEnd {
  /** `job-ring.ts` */
  readonly ring: SharedArrayBuffer;
  /** `response-ring.ts` */
  readonly answers: SharedArrayBuffer;
  readonly port: import("node:worker_threads").MessagePort;
  /** The handler thread's place on the pool's board. */
  readonly seat: Seat;
  /** The first numbers of jobs and messages, for tests near the wrap. Default: jobs at 1, messages at 0. */
  readonly start?: { readonly seq: number; readonly said: number };
}

/** A pool's shared memory, for one serving thread. */
export interface PoolMemory {
  /** `pool-board.ts` */
  readonly board: SharedArrayBuffer;
  /** This serving thread's number of waiting requests (`pending-jobs.ts`). */
  readonly line: SharedArrayBuffer;
}

/** A handler pool: that of one route, or of all routes without their own pool. */
export interface PoolSpec {
  readonly name: string;
  readonly model: "threads" | "thread-per-request" | "tasks";
  readonly min: number;
  readonly max: number;
}

/**
 * Returns a right-sized copy of a chunk. A Buffer may be a small view into a large slab, and the whole slab would be sent.
 */
export function exact(chunk: Uint8Array): Uint8Array {
  return chunk.byteLength === chunk.buffer.byteLength ? chunk : new Uint8Array(chunk);
}
