/**
 * The end of a listening socket, for everybody who has a descriptor of it: a thread that is blocked, or a process that is
 * stopped, would keep it open otherwise, and connections would go on queueing there with nobody to answer.
 *
 * What waits in the backlog at that moment is taken, because the kernel resets it when the socket ends. Nobody may come
 * between the taking and the end. A Unix socket is shut down first and emptied then. A TCP socket drops what waits when it
 * is shut down: packets for it are dropped first, then it is emptied, then shut down. Who was connecting meanwhile tries
 * again and is refused; only whose handshake was half done is reset.
 *
 * A socket that was inherited (systemd's) is neither emptied nor ended. Its next owner finds what waits there.
 *
 * Without node:ffi the socket ends with its last descriptor. Who accepts on it takes what waits before it closes its own
 * (`emptied`); what comes between the two is reset.
 */

import type { Server } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { acceptWaiting, dropArrivals, hasNative, shutDown } from "../../../platform/native.ts";
import type { InheritedListener } from "../worker-protocol.ts";

/** Returns descriptors of the connections that waited, at most `backlog`, oldest first. `fd` stays open. */
export function endListening({ kind, fd }: InheritedListener, backlog: number): number[] {
  if (!hasNative() || kind === "fd") return [];
  if (kind === "unix") shutDown(fd);
  else dropArrivals(fd);
  const waiting = acceptWaiting(fd, backlog);
  if (kind === "tcp") shutDown(fd);
  return waiting;
}

/**
 * Resolves when these servers have accepted what waits in their backlogs, or `limit` of it. libuv takes one connection in each
 * turn of the loop.
 */
export async function emptied(servers: readonly Server[], limit: number): Promise<void> {
  const accepted = { count: 0 };
  for (const server of servers) server.on("connection", () => accepted.count++);
  let before: number;
  do {
    before = accepted.count;
    // The first may come before the loop looks at its sockets again.
    await turn();
    await turn();
  } while (accepted.count > before && accepted.count < limit);
}

/** Whether accepting failed because the socket was ended here. Its owner is about to be told to close it. */
export function isEnded({ code }: NodeJS.ErrnoException): boolean {
  return code === "EINVAL";
}
