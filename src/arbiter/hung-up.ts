/**
 * Which of the connections that wait here their clients have given up. Nothing of them is read, so nothing tells of
 * itself; the kernel is asked, with one call for all.
 *
 * A client that has only closed its sending side looks the same as one that has left. Who did it before it had to wait is
 * not asked after (`turns.ts`). Without node:ffi nobody counts as gone, and a worker finds out.
 */

import type { Socket } from "node:net";
import { areHungUp, hasNative } from "../platform/native.ts";
import { handleOf } from "../worker/raw-handle.ts";

export function hungUp(sockets: readonly Socket[]): ReadonlySet<Socket> {
  if (!hasNative()) return new Set(sockets.filter(({ destroyed }) => destroyed));
  // poll(2) ignores descriptors below 0.
  const gone = areHungUp(sockets.map((socket) => handleOf(socket)?.fd ?? -1));
  return new Set(sockets.filter((socket, i) => socket.destroyed || gone[i]));
}
