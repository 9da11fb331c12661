/**
 * What a serving thread and a handler thread say to each other, over a port of their own. The serving thread's side is
 * `pool-client.ts` and `remote-job.ts`, the handler thread's `job-runner.ts`.
 *
 *   serving thread                    handler thread
 *     jobs (one or more)          →   queued there; each is claimed in the ring when its turn comes
 *                                 ←   pull        the handler reads the request's body
 *     body … body-end             →
 *                                 ←   write …     bytes of the response, as they are to go to the client
 *                                 ←   answers     complete responses lie in shared memory (`response-ring.ts`)
 *     credit                      →               so much of them the client has taken
 *                                 ←   failed      the handler threw or rejected
 *                                 ←   misframed   what it wrote could not be sent as it was
 *     abort                       →   ← heard     the loop turns: the handler was told
 *     ping                        →   ← alive     the loop turns
 *                                 ←   done        the last of the link's jobs is done (the ring tells of the others)
 *
 * Bodies in both directions move only as fast as the other side takes them.
 */

import type { ExpectEvent } from "../../../app/load/load-app.ts";
import type { FramingFault } from "../../../app/response-framing.ts";
import type { ErrorCode, WireError } from "../../../../errors/errors.ts";
import type { Seat } from "../../../../supervise/slot-table.ts";

/** The two ends of the client's connection, as the handler sees them on `req.socket`. */
export interface Endpoints {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly remoteFamily: string | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly encrypted: boolean;
}

/** One request, ready to be run. */
export interface Job {
  /** Number on its link: names it in every message, and its cell in the ring. Counts up and wraps at 2^32. */
  readonly seq: number;
  readonly method: string;
  readonly url: string;
  readonly httpVersionMinor: number;
  readonly rawHeaders: string[];
  readonly hasBody: boolean;
  /** Sent while another one ran: until it begins it counts as waiting. */
  readonly ahead: boolean;
  readonly expects: ExpectEvent | undefined;
  readonly keepsAlive: boolean;
  /** What the server has set before the app runs (`--debug-headers`). */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** monotonicMs() when its head was parsed, if a `server-timing` header is wanted. */
  readonly timedFromMs: number | undefined;
  readonly endpoints: Endpoints;
}

/** A job as it crosses: a flat list costs half of what an object does, on both sides. */
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
];

const HAS_BODY = 1;
const KEEPS_ALIVE = 2;
const ENCRYPTED = 4;
const AHEAD = 8;

export function encodeJob(job: Job): WireJob {
  const { endpoints } = job;
  const flags =
    (job.hasBody ? HAS_BODY : 0) |
    (job.keepsAlive ? KEEPS_ALIVE : 0) |
    (endpoints.encrypted ? ENCRYPTED : 0) |
    (job.ahead ? AHEAD : 0);
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
  ];
}

export function decodeJob(wire: WireJob): Job {
  const [seq, method, url, httpVersionMinor, rawHeaders, flags, expects, headers, timedFromMs] = wire;
  const [, , , , , , , , , remoteAddress, remotePort, remoteFamily, localAddress, localPort] = wire;
  const encrypted = (flags & ENCRYPTED) !== 0;
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
    endpoints: { remoteAddress, remotePort, remoteFamily, localAddress, localPort, encrypted },
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
 * `refusal`: the client has its answer; what the handler still writes goes nowhere. After a `DrainError` its client is
 * still there, and another abort may follow.
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
      /** Of the parts that are strings. */
      readonly encoding: BufferEncoding;
      readonly kind: "informational" | "response";
      readonly status: number;
      readonly keepsAlive: boolean;
      /** With these bytes the response is complete. */
      readonly ends: boolean;
    }
  | { readonly type: "pull"; readonly seq: number }
  | { readonly type: "failed"; readonly seq: number; readonly error: WireError }
  | { readonly type: "misframed"; readonly seq: number; readonly fault: FramingFault }
  | { readonly type: "destroyed"; readonly seq: number }
  | { readonly type: "heard"; readonly seq: number }
  | { readonly type: "alive"; readonly seq: number }
  | { readonly type: "done"; readonly seq: number }
  | { readonly type: "answers" };

/** A serving thread's end of its link to a handler thread; the other end has the same memory. */
export interface LinkEnd {
  /** `job-ring.ts` */
  readonly ring: SharedArrayBuffer;
  /** `response-ring.ts` */
  readonly answers: SharedArrayBuffer;
  readonly port: import("node:worker_threads").MessagePort;
  /** The handler thread's place on the pool's board. */
  readonly seat: Seat;
  /** Where the numbers of jobs and messages begin, for tests near the wrap. Default: jobs at 1, messages at 0. */
  readonly start?: { readonly seq: number; readonly said: number };
}

/** A pool's shared memory, for one serving thread. */
export interface PoolMemory {
  /** `pool-board.ts` */
  readonly board: SharedArrayBuffer;
  /** Of this serving thread: how many of its requests wait (`pending-jobs.ts`). */
  readonly line: SharedArrayBuffer;
}

/** A pool of handler threads: those of one route, or all that name no pool of their own. */
export interface PoolSpec {
  readonly name: string;
  readonly model: "threads" | "thread-per-request";
  readonly min: number;
  readonly max: number;
}

/**
 * The right-sized copy of a chunk: a Buffer may be a small view into a large slab, and all of the slab would be copied.
 */
export function exact(chunk: Uint8Array): Uint8Array {
  return chunk.byteLength === chunk.buffer.byteLength ? chunk : new Uint8Array(chunk);
}
