/**
 * Which of the connections that wait here their clients have left. Nothing of them is read, so no event says so; the kernel is
 * asked, with one call for all.
 *
 * A client that has only ended its sending side looks the same as one that has closed its connection. One that ends it with
 * its request wants the answer, as in `server/http/admit/client-watch.ts`: the look that finds the end is the first one that
 * finds the request, or the next one after a moment. Without node:ffi nobody counts as gone, and a worker finds out.
 */

import type { Socket } from "node:net";
import { monotonicMs } from "../../../kit/clock.ts";
import { hasNative, pollClients } from "../../../platform/native.ts";
import { descriptorOf } from "../../../platform/node-internals/handles.ts";

/**
 * What the kernel knows of a client:
 * - `silent`: it has sent nothing.
 * - `sent`: it has sent something.
 * - `ended`: the same, and has ended its side.
 * - `gone`: it has reset the connection, or ended its side without a byte.
 */
export type ClientSign = "silent" | "sent" | "ended" | "gone";

export function askKernel(sockets: readonly Socket[]): ClientSign[] {
  if (!hasNative()) return sockets.map(({ destroyed }) => (destroyed ? "gone" : "silent"));
  // poll(2) ignores descriptors below 0.
  const polled = pollClients(sockets.map((socket) => descriptorOf(socket)));
  return sockets.map((socket, i) => (socket.destroyed ? "gone" : polled[i]!));
}

/** A moment: looks within it are as one. A request and its end may lie on both sides of a look. */
const MOMENT_MS = 20;

interface Waiting {
  /** Moments in which bytes were found. */
  moments: number;
  /** When the latest one began. */
  momentMs: number;
  /** Ended its side with its request. */
  isHalfClosed: boolean;
}

/** Returns those who have left. Each connection is to be asked about first when it begins to wait. */
export function sinceTheyWait(
  ask: (sockets: readonly Socket[]) => readonly ClientSign[],
  now: () => number = monotonicMs,
): (sockets: readonly Socket[]) => ReadonlySet<Socket> {
  const known = new WeakMap<Socket, Waiting>();
  return (sockets) => {
    const nowMs = now();
    const signs = ask(sockets);
    return new Set(
      sockets.filter((socket, i) => {
        let waiting = known.get(socket);
        if (waiting === undefined)
          known.set(socket, (waiting = { moments: 0, momentMs: -Infinity, isHalfClosed: false }));
        return hasLeft(waiting, signs[i]!, nowMs);
      }),
    );
  };
}

function hasLeft(waiting: Waiting, sign: ClientSign, nowMs: number): boolean {
  if (sign === "gone") return true;
  if (sign === "silent") return false;
  if (nowMs - waiting.momentMs >= MOMENT_MS) {
    waiting.moments++;
    waiting.momentMs = nowMs;
  }
  if (sign === "sent") return false;
  waiting.isHalfClosed ||= waiting.moments <= 2;
  return !waiting.isHalfClosed;
}
