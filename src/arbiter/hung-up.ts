/**
 * Which of the connections that wait here their clients have given up. Nothing of them is read, so nothing tells of
 * itself; the kernel is asked, with one call for all.
 *
 * A client that has only closed its sending side counts as gone: node:http sees it the same way, and no HTTP client
 * does it while it waits for its answer. Without node:ffi nobody counts as gone, and a worker finds out.
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
