/**
 * The handles of libuv behind sockets and servers: what crosses between processes, what has the descriptor, and what counts
 * the bytes. Node has no public name for any of it.
 */
// oxlint-disable no-underscore-dangle -- Node's names

import { type Server, Socket } from "node:net";

export interface RawHandle {
  /** Below 0: it has none. */
  readonly fd: number;
  /** TCP only. */
  setNoDelay?(on: boolean): void;
  close(): void;
}

type Accept = (status: number, handle: RawHandle | undefined) => void;

interface Counts {
  /** Bytes that were written and that the kernel has not taken. */
  readonly writeQueueSize?: number;
  /** Bytes that were written. */
  readonly bytesWritten?: number;
}

interface Handled<H> {
  _handle: H | null;
}

/** null: the connection is closed. */
export function handleOf(socket: Socket): RawHandle | null {
  return (socket as unknown as Handled<RawHandle>)._handle;
}

/** The connection's descriptor; -1: it has none any more. */
export function descriptorOf(socket: Socket): number {
  return handleOf(socket)?.fd ?? -1;
}

/**
 * A handle as `process.send` takes it. It accepts the bare handle, as node:cluster sends it. Sending the Socket would have
 * the other side start to read.
 */
export function sendable(handle: RawHandle): Socket {
  return handle as unknown as Socket;
}

/**
 * Shows each accepted connection to `take` as its handle, before a JavaScript socket is made for it: who passes the
 * connection on would throw that away at once, and it costs more than everything else of accepting. What `take` leaves
 * (false), and errors of accepting, go the server's own way. The server must be listening.
 *
 * Without `onconnection` nothing is shown: every connection goes the server's own way.
 */
export function takeHandles(server: Server, take: (handle: RawHandle) => boolean): void {
  const listening = (server as unknown as Handled<{ onconnection?: Accept }>)._handle;
  // null: it failed to listen, and says so itself.
  const original = listening?.onconnection;
  if (listening === null || original === undefined) return;
  listening.onconnection = function onConnection(status, handle) {
    if (status !== 0 || handle === undefined || !take(handle)) original.call(this, status, handle);
  };
}

/** The connection behind a handle that has crossed, or behind a descriptor; nothing is read from it. */
export function unread(from: { readonly handle: object } | { readonly fd: number }): Socket {
  const socket = new Socket({ ...from, pauseOnCreate: true, readable: true, writable: true } as never);
  return socket.on("error", () => socket.destroy());
}

/** How far the kernel has taken what was written to a socket. */
export interface Output {
  readonly queuedBytes: number;
  readonly takenBytes: number;
}

/** Of a TCP or Unix socket, also one under TLS. A closed one has nothing queued; nor has one whose handle does not count. */
export function outputOf(socket: Socket): Output {
  const handle = (socket as unknown as Handled<Counts>)._handle;
  if (handle === null) return { queuedBytes: 0, takenBytes: 0 };
  const { writeQueueSize = 0, bytesWritten = 0 } = handle;
  return { queuedBytes: writeQueueSize, takenBytes: bytesWritten - writeQueueSize };
}
