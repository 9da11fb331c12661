/**
 * Unix sockets bound at a path, for the server's listeners and for its control socket.
 *
 * Invariants
 * - A path is taken over only if nobody answers on its socket, and removed only while it is ours.
 * - When libuv closes a pipe that it bound, it removes the path, whatever is there by then. So a `BoundSocket` only binds, and
 *   is never closed: the acceptor uses its descriptor, and closes that. The process ends by `process.exit`, which closes no
 *   handles.
 */

import { chmodSync, lstatSync } from "node:fs";
import net from "node:net";
import { count } from "../errors/count.ts";
import { closeFd, hasNative } from "./native.ts";
import { type FileIdentity, identityOf, removeIfSame } from "./owned-file.ts";

export interface UnixSocket {
  readonly fd: number;
  /** Whether clients find it: its file is at the path. */
  isThere(): boolean;
  /** Of its file, when `isThere` was last true: whoever knows the path may have changed it. */
  mode(): number;
  /** Removes the path, unless another server has taken it over. Call it while the descriptor is open. */
  remove(): void;
}

/** Must not be garbage-collected: see above. */
const bound = new Set<net.BoundSocket>();

/** The kernel says only EINVAL of a longer one. */
const MAX_PATH_BYTES = 107;

/** undefined: it is not. */
export function whyTooLong(path: string): string | undefined {
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_PATH_BYTES) return undefined;
  return `the path has ${count(bytes, "byte")}, and that of a Unix socket at most ${MAX_PATH_BYTES}`;
}

/** How often others may remove the file before it has its mode. */
const BIND_TRIES = 20;

/** `mode`: of its file. Default: what the umask leaves. @throws the error of bind(2), such as EADDRINUSE; an Error that says so if the path is too long */
export async function bindUnixSocket(path: string, mode: number | undefined): Promise<UnixSocket> {
  const why = whyTooLong(path);
  if (why !== undefined) throw new Error(why);
  for (let tries = 1; ; tries++) {
    await removeIfStale(path);
    const { fd, umask, identity } = bindNarrowly(path);
    let seen = mode ?? 0o666 & ~umask;
    try {
      chmodSync(path, seen);
    } catch (error) {
      if (hasNative()) closeFd(fd);
      // Apps remove the file before they listen, and when they end: one of them was in between.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || tries === BIND_TRIES) throw error;
      continue;
    }
    const isThere = (): boolean => {
      if (identity === undefined || identityOf(path) !== identity) return false;
      // It may be removed by now.
      seen = (lstatSync(path, { throwIfNoEntry: false })?.mode ?? seen) & 0o777;
      return true;
    };
    return { fd, isThere, mode: () => seen, remove: () => void removeIfSame(path, identity) };
  }
}

/** The socket must never have wider permissions than requested: bind it with narrow ones, then set the mode. */
function bindNarrowly(path: string): { fd: number; umask: number; identity: FileIdentity | undefined } {
  const umask = process.umask(0o177);
  let socket: net.BoundSocket;
  try {
    socket = new net.BoundSocket({ path } as never);
  } finally {
    process.umask(umask);
  }
  bound.add(socket);
  return { fd: socket.fd(), umask, identity: identityOf(path) };
}

/**
 * A killed server leaves its socket file behind. If a server answers on it, it is in use. Anything but a socket is left alone:
 * connecting to a plain file is refused as well, and unlinking it would lose it.
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
