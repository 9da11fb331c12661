/**
 * Judges whether the client of a connection still takes part. The sweep over all connections calls it while a request is in
 * progress or after an upgrade. Pure, except for the fields of the connection that it keeps.
 *
 * Stalled: bytes are queued, and the client has taken none for the write timeout. A response that waits for its source has
 * nothing queued, so it never stalls.
 *
 * Half-closed: the client has ended its side. One that ends it with its request says that this was all it sends, and is
 * answered (RFC 9112 §9.6 has the server do the same). One that ends it later has left: most clients close both sides, and the two
 * look the same from here. So that one who left at once is not taken for the former for ever, it has HALF_CLOSED_MS for the
 * answer to begin, and no pause in it may be longer.
 *
 * Of a request that another instance runs, the instance that has the client judges whether the client is to be answered. The request
 * counts from when the other one takes it: as long as that one's loop does not turn, it has not read the request either. For how long the
 * client is answered is judged where the request runs (sticky/hop.ts): this loop may turn while that one is busy with the answer.
 *
 * "With its request" means: the loop heard of it within WITH_REQUEST_MS, or in one of the first looks at its sockets after the
 * request. The clock alone is not enough: other handlers, or other programs, may keep the loop from looking. Or the end came
 * within WITH_REQUEST_MS of the last byte: a client that pipelines may break off in its next request.
 */

import { performance } from "node:perf_hooks";
import type { Output } from "../../../platform/node-internals/handles.ts";

/** A client that ends its side with its request does so within this time. One that gives up waiting does it later. */
export const WITH_REQUEST_MS = 20;
/** The kernel tells of data first, and of the end behind it at the next look. One more is for TLS. */
const WITH_REQUEST_LOOKS = 2;
/** Most handlers have answered by then, also on a busy machine. One whose client has left at once hears of it then. */
const HALF_CLOSED_MS = 5000;

/** A moment of this thread's loop. */
export interface Moment {
  readonly ms: number;
  /** How often the loop had looked at its sockets. */
  readonly looks: number;
}

/** 0.1 µs. */
export function thisMoment(): Moment {
  return { ms: performance.now(), looks: performance.nodeTiming.uvMetricsInfo.loopCount };
}

/** What a connection keeps for it. */
export interface ClientState {
  /** When its latest request was complete and its handler, where it runs here, first gave way. */
  requested: Moment;
  /** Since when it takes nothing; 0: nothing is queued. */
  stalledSinceMs: number;
  takenBytes: number;
  /** It was found gone while a handler blocked the thread. */
  hasLeft: boolean;
  /** Since when it is half-closed and has taken nothing. 0: it is not half-closed. */
  halfClosedSinceMs: number;
}

/**
 * The client's end is heard of just now. False: it has left. `behindMs`: how long after its last byte it ended its side, at most;
 * undefined: the kernel does not tell. Asked only if the request does not decide.
 */
export function mayBeAnswered(state: ClientState, { ms, looks }: Moment, behindMs: () => number | undefined): boolean {
  const { requested, hasLeft } = state;
  const isWithRequest = ms - requested.ms <= WITH_REQUEST_MS || looks - requested.looks <= WITH_REQUEST_LOOKS;
  if (hasLeft || (!isWithRequest && (behindMs() ?? Infinity) > WITH_REQUEST_MS)) return false;
  state.halfClosedSinceMs = ms;
  return true;
}

/**
 * The same while a handler blocks the thread, and the kernel is asked instead: the client has ended its side. False: it has
 * left. `looks`: how often the kernel was asked since the request, this time included. `behindMs`: as above.
 */
export function mayBeAnsweredWhileBlocked(
  state: ClientState,
  looks: number,
  nowMs: number,
  behindMs: () => number | undefined,
): boolean {
  if (state.halfClosedSinceMs === 0 && (looks <= WITH_REQUEST_LOOKS || (behindMs() ?? Infinity) <= WITH_REQUEST_MS))
    state.halfClosedSinceMs = nowMs;
  return state.halfClosedSinceMs !== 0 && nowMs - state.halfClosedSinceMs <= HALF_CLOSED_MS;
}

/** `writeTimeoutMs` 0: no limit. */
export function judgeClient(
  state: ClientState,
  { queuedBytes, takenBytes }: Output,
  writeTimeoutMs: number,
  nowMs: number,
): "takes part" | "stalled" | "left" {
  const progressed = takenBytes !== state.takenBytes;
  state.takenBytes = takenBytes;
  if (queuedBytes === 0) state.stalledSinceMs = 0;
  else if (progressed || state.stalledSinceMs === 0) state.stalledSinceMs = nowMs;
  else if (writeTimeoutMs > 0 && nowMs - state.stalledSinceMs > writeTimeoutMs) return "stalled";
  if (state.halfClosedSinceMs === 0) return "takes part";
  if (progressed || queuedBytes > 0) state.halfClosedSinceMs = nowMs;
  return nowMs - state.halfClosedSinceMs > HALF_CLOSED_MS ? "left" : "takes part";
}
