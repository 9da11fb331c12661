/** A connection as libuv's handle, which is what crosses between processes; Node has no public name for it. */

import { type Server, Socket } from "node:net";

export interface RawHandle {
  readonly fd: number;
  /** TCP only. */
  setNoDelay?(on: boolean): void;
  close(): void;
}

type Accept = (status: number, handle: RawHandle | undefined) => void;

/**
 * Shows each accepted connection to `take` as its handle, before a JavaScript socket is made for it: who passes the
 * connection on would throw that away at once, and it costs more than everything else of accepting. What `take` leaves
 * (false), and errors of accepting, go the server's own way. The server must be listening.
 */
export function takeHandles(server: Server, take: (handle: RawHandle) => boolean): void {
  const listening = Reflect.get(server, "_handle") as { onconnection: Accept } | null;
  // It failed to listen, and says so itself.
  if (listening === null) return;
  const original = listening.onconnection;
  listening.onconnection = function onConnection(status, handle) {
    if (status !== 0 || handle === undefined || !take(handle)) Reflect.apply(original, this, [status, handle]);
  };
}

/** null: the connection is closed. */
export function handleOf(socket: Socket): RawHandle | null {
  return Reflect.get(socket, "_handle") as RawHandle | null;
}

/** The connection behind a handle that has crossed, or behind a descriptor; nothing is read from it. */
export function unread(from: { readonly handle: object } | { readonly fd: number }): Socket {
  const socket = new Socket({ ...from, pauseOnCreate: true, readable: true, writable: true } as never);
  return socket.on("error", () => socket.destroy());
}
