/**
 * Unix sockets bound at a path, for the server's listeners and for its control socket.
 *
 * Invariants
 * - A path is taken over only from a socket that nobody answers on, and removed only while it is ours.
 * - libuv removes the path of a pipe that it bound when it closes it, whatever lies there by then. So a `BoundSocket` only
 *   binds, and is never closed: who accepts does so on its descriptor and closes that. The process ends by
 *   `process.exit`, which closes no handles.
 */

import { chmodSync, lstatSync } from "node:fs";
import net from "node:net";
import { identityOf, removeIfSame } from "./owned-file.ts";

export interface UnixSocket {
  readonly fd: number;
  /** Removes the path, unless another server has taken it over. To be called while the descriptor is open. */
  remove(): void;
}

/** Not to be collected: see above. */
const bound = new Set<net.BoundSocket>();

/** `mode`: of its file; by default what the umask leaves. @throws what bind(2) says, EADDRINUSE among it */
export async function bindUnixSocket(path: string, mode: number | undefined): Promise<UnixSocket> {
  await removeIfStale(path);
  // The socket must never be open wider than it will be: narrow first, then set the mode that was asked for.
  const umask = process.umask(0o177);
  let socket: net.BoundSocket;
  try {
    socket = new net.BoundSocket({ path } as never);
  } finally {
    process.umask(umask);
  }
  const identity = identityOf(path);
  bound.add(socket);
  chmodSync(path, mode ?? 0o666 & ~umask);
  return { fd: socket.fd(), remove: () => void removeIfSame(path, identity) };
}

/**
 * A socket file whose server is gone stays behind when a server is killed; one that answers is somebody's. Anything but
 * a socket is left alone: connecting to a plain file is refused as well, and unlinking it would lose it.
 */
export async function removeIfStale(path: string): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return;
  const identity = identityOf(path);
  const outcome = await new Promise<string>((resolve) => {
    const socket = net.connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve("alive");
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "unknown"));
  });
  if (outcome === "ECONNREFUSED") removeIfSame(path, identity);
}
