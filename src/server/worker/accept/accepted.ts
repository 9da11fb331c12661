/**
 * A connection after it is accepted and before a serving thread adopts it, and the two ways to the thread.
 *
 * As a descriptor: `dup(2)` (through node:ffi) copies the connection's descriptor. Its number is sent to the thread, the
 * thread adopts it, and this side closes its own. Closing one of two descriptors does not end a connection. This works for
 * TCP and Unix sockets. It costs a third less per connection than a transfer, and a quarter less per request, because
 * node:http's parser reads such a socket directly. If the thread dies before it adopts the descriptor, the descriptor is
 * taken back and given to another thread.
 *
 * As a socket: a transfer (`postMessage(…, [socket])`, Node 26.6), without node:ffi. TCP only. Node copies the descriptor for
 * it. If no descriptor is left, Node loses the connection silently and its client waits for ever, so we check first. If the
 * thread dies before it adopts the socket, the socket is closed with the thread.
 */

import type { Socket } from "node:net";
import { hasDescriptors } from "../../../platform/descriptors.ts";
import { closeFd, duplicateFd, hasNative } from "../../../platform/native.ts";
import { handleOf, type RawHandle } from "../../../platform/node-internals/handles.ts";

export type Accepted =
  | { readonly kind: "fd"; readonly fd: number }
  | { readonly kind: "socket"; readonly socket: Socket };

/**
 * Detaches the connection from its JavaScript socket before anything was read from it. undefined: the connection is closed
 * already, or there are no descriptors left for it.
 */
export function detach(socket: Socket): Accepted | undefined {
  const fd = duplicate(handleOf(socket));
  if (fd >= 0) {
    socket.destroy();
    return { kind: "fd", fd };
  }
  const isTransferable = socket.remoteAddress !== undefined && hasDescriptors();
  if (isTransferable) return { kind: "socket", socket: socket.on("error", () => socket.destroy()) };
  socket.destroy();
  return undefined;
}

/** The same for a connection without a JavaScript socket. undefined: the handle is unchanged. */
export function detachHandle(handle: RawHandle): (Accepted & { kind: "fd" }) | undefined {
  const fd = duplicate(handle);
  if (fd < 0) return undefined;
  handle.setNoDelay?.(true);
  handle.close();
  return { kind: "fd", fd };
}

function duplicate(handle: RawHandle | null): number {
  const original = handle?.fd ?? -1;
  return original >= 0 && hasNative() ? duplicateFd(original) : -1;
}

export function discard(accepted: Accepted): void {
  if (accepted.kind === "fd") closeFd(accepted.fd);
  else accepted.socket.destroy();
}
