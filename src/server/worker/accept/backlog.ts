/**
 * The end of a listening socket, for everybody who has a descriptor of it: a thread that is blocked, or a process that is
 * stopped, would keep it open otherwise, and connections would go on queueing there with nobody to answer.
 *
 * What waits in the backlog at that moment is taken, because the kernel resets it when the socket ends. A Unix socket is
 * shut down first and emptied then. A TCP socket also has connections whose handshake is half done: their clients may
 * believe that they are connected, send a request, and be reset. So its end has two steps:
 *
 *   endHandshakes   the kernel drops new SYNs, and the handshakes that have begun get a moment to finish; who accepts goes on
 *   endListening    what waits is taken, and the socket is shut down
 *
 * Who began to connect between the two steps tries again after a second, and is refused. A handshake that takes longer than
 * the moment is reset.
 *
 * A socket that was inherited (systemd's) is neither emptied nor ended. Its next owner finds what waits there.
 *
 * Without node:ffi the socket ends with its last descriptor. Who accepts on it takes what waits before it closes its own
 * (`emptied`); what comes between the two is reset.
 */

import type { Server } from "node:net";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { acceptWaiting, dropNewHandshakes, hasNative, shutDown } from "../../../platform/native.ts";
import type { InheritedListener } from "../worker-protocol.ts";

/** Long enough for a round trip within a data centre, and for a busy machine to look at its packets. */
const HANDSHAKE_MS = 50;

/** The first step. Resolves when the second one may come. */
export async function endHandshakes(listeners: readonly InheritedListener[]): Promise<void> {
  if (!hasNative()) return;
  const dropped = listeners.map(({ kind, fd }) => kind === "tcp" && dropNewHandshakes(fd));
  if (dropped.includes(true)) await sleep(HANDSHAKE_MS);
}

/** Returns descriptors of the connections that waited, at most `backlog`, oldest first. `fd` stays open. */
export function endListening({ kind, fd }: InheritedListener, backlog: number): number[] {
  if (!hasNative() || kind === "fd") return [];
  if (kind === "unix") shutDown(fd);
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
