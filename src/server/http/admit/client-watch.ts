/**
 * Judges whether the client of a connection still takes part. The sweep over all connections calls it while a request is in
 * progress or after an upgrade. Pure, except for the fields of the connection that it keeps.
 *
 * Stalled: bytes are queued, and the client has taken none for the write timeout. A response that waits for its source has
 * nothing queued, so it never stalls.
 *
 * Half-closed: the client has ended its side. If it ends it with its request, it has sent everything and gets an answer (RFC
 * 9112 §9.6 has the server do the same). If it ends it later, it has left: most clients close both sides, and the two look
 * the same from here. A client that left at once must not be waited for without limit. So the answer must begin within
 * HALF_CLOSED_MS, and no pause in it may be longer.
 */

import type { Output } from "../../../platform/node-internals/handles.ts";

/** A client that ends its side with its request does so within this time. One that gives up waiting does it later. */
const WITH_REQUEST_MS = 20;
const HALF_CLOSED_MS = 2000;

/** The fields that a connection keeps for it. */
export interface ClientState {
  /** performance.now() when its latest request was complete, or, if later, when its handler on this thread first yielded. */
  requestedMs: number;
  /** Since when it has taken nothing. 0: nothing is queued. */
  stalledSinceMs: number;
  takenBytes: number;
  /** Since when it is half-closed and has taken nothing. 0: it is not half-closed. */
  halfClosedSinceMs: number;
}

/** The client has just ended its side. True: it may still get an answer. False: it has left. */
export function mayBeAnswered(state: ClientState, nowMs: number): boolean {
  if (nowMs - state.requestedMs > WITH_REQUEST_MS) return false;
  state.halfClosedSinceMs = nowMs;
  return true;
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
