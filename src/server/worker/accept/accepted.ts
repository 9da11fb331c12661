/**
 * A connection between being accepted and being adopted by a serving thread, and the two ways it gets there.
 *
 * As a descriptor: `dup(2)` (through node:ffi) copies the connection's descriptor, its number crosses to the thread, the
 * thread adopts it, and this side closes its own; closing one of two descriptors does not end a connection. Works for
 * TCP and Unix sockets, costs a third less per connection than transferring and, because node:http's parser reads
 * such a socket directly, a quarter less per request. A descriptor sent to a thread that died before adopting it is taken
 * back and given to another.
 *
 * As a socket: transferred (`postMessage(…, [socket])`, Node 26.6). TCP only. The way without node:ffi. Node copies the
 * descriptor for it, and where there is none left it loses the connection without a word, so that its client waits for
 * ever: there must be one. What was sent to a thread that dies before adopting it is closed with the thread.
 */

import type { Socket } from "node:net";
import { hasDescriptors } from "../../../platform/descriptors.ts";
import { closeFd, duplicateFd, hasNative } from "../../../platform/native.ts";
import { handleOf, type RawHandle } from "../../../platform/node-internals/handles.ts";

export type Accepted =
  | { readonly kind: "fd"; readonly fd: number }
  | { readonly kind: "socket"; readonly socket: Socket };

/**
 * Takes the connection away from the JavaScript socket it was accepted as, before anything of it was read. undefined: it
 * is gone already, or there are no descriptors left for it.
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

/** The same for a connection that no JavaScript socket was made for; undefined leaves it as it is. */
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
