/**
 * Finds waiting connections whose clients have left. We do not read from them, so no event would show it. The kernel is
 * asked, with one call for all.
 *
 * A client that has only closed its sending side looks the same as one that has left. If it closed the side together with
 * its request, at the beginning, it wants the answer (`sinceTheyWait`). Without node:ffi no client counts as gone; a worker
 * finds out.
 */

import type { Socket } from "node:net";
import { monotonicMs } from "../../../kit/clock.ts";
import { areHungUp, hasNative } from "../../../platform/native.ts";
import { descriptorOf } from "../../../platform/node-internals/handles.ts";

export function hungUp(sockets: readonly Socket[]): ReadonlySet<Socket> {
  if (!hasNative()) return new Set(sockets.filter(({ destroyed }) => destroyed));
  // poll(2) ignores descriptors below 0.
  const gone = areHungUp(sockets.map((socket) => descriptorOf(socket)));
  return new Set(sockets.filter((socket, i) => socket.destroyed || gone[i]));
}

/** If the end of the client's side arrives within this time of the connection, it came with the request. */
const WITH_REQUEST_MS = 5;

interface Waiting {
  readonly sinceMs: number;
  /** Ended its side with its request, as in `server/http/admit/client-watch.ts`. */
  isHalfClosed: boolean;
}

/** Those of `hungUp` that have really left. Ask about each connection once when it begins to wait. */
export function sinceTheyWait(ask: typeof hungUp, now: () => number = monotonicMs): typeof hungUp {
  const known = new WeakMap<Socket, Waiting>();
  return (sockets) => {
    const nowMs = now();
    const gone = ask(sockets);
    return new Set(
      sockets.filter((socket) => {
        let waiting = known.get(socket);
        if (waiting === undefined) known.set(socket, (waiting = { sinceMs: nowMs, isHalfClosed: false }));
        if (!gone.has(socket)) return false;
        waiting.isHalfClosed ||= nowMs - waiting.sinceMs < WITH_REQUEST_MS;
        return socket.destroyed || !waiting.isHalfClosed;
      }),
    );
  };
}
