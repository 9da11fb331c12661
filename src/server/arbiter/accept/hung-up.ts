/**
 * Which of the connections that wait here their clients have left. Nothing of them is read, so no event says so; the kernel is
 * asked, with one call for all.
 *
 * A client that has only ended its sending side looks the same as one that has closed its connection. One that ends it with
 * its request wants the answer, as in `server/http/admit/client-watch.ts`. Here nobody knows where a request ends. What counts is
 * the last byte: the end came with it, or at most WITH_REQUEST_MS later. The kernel tells the age of the last byte, and the end came
 * after the look before, which did not find it. Where the kernel does not tell (a Unix socket), each of them wants the answer.
 * Without node:ffi nobody counts as gone, and a worker finds out.
 */

import type { Socket } from "node:net";
import { monotonicMs } from "../../../kit/clock.ts";
import { hasNative, pollClients, sinceLastByteMs } from "../../../platform/native.ts";
import { WITH_REQUEST_MS } from "../../http/admit/client-watch.ts";
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

/** Of a connection: how long ago its last byte came, as far as the kernel tells. */
export function lastByteAgeMs(socket: Socket): number | undefined {
  return sinceLastByteMs(descriptorOf(socket));
}

interface Waiting {
  /** The latest look that did not find the end of its side. */
  openMs: number;
  /** Ended its side with its request. */
  isHalfClosed: boolean;
}

/** Returns those who have left. Each connection is to be asked about first when it begins to wait. */
export function sinceTheyWait(
  ask: (sockets: readonly Socket[]) => readonly ClientSign[],
  ageMs: (socket: Socket) => number | undefined,
  now: () => number = monotonicMs,
): (sockets: readonly Socket[]) => ReadonlySet<Socket> {
  const known = new WeakMap<Socket, Waiting>();
  return (sockets) => {
    const nowMs = now();
    const signs = ask(sockets);
    return new Set(
      sockets.filter((socket, i) => {
        let waiting = known.get(socket);
        if (waiting === undefined) known.set(socket, (waiting = { openMs: -Infinity, isHalfClosed: false }));
        const sign = signs[i];
        if (sign === "gone") return true;
        if (sign !== "ended") waiting.openMs = nowMs;
        else if (!waiting.isHalfClosed) waiting.isHalfClosed = endedWithBytes(waiting.openMs, ageMs(socket), nowMs);
        return sign === "ended" && !waiting.isHalfClosed;
      }),
    );
  };
}

/** Pure. Whether the end may have come within WITH_REQUEST_MS of the last byte. */
function endedWithBytes(openMs: number, lastByteMs: number | undefined, nowMs: number): boolean {
  return lastByteMs === undefined || lastByteMs - (nowMs - openMs) <= WITH_REQUEST_MS;
}
