/** A connection as libuv's handle, which is what crosses between processes; Node has no public name for it. */

import { Socket } from "node:net";

export interface RawHandle {
  readonly fd: number;
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
