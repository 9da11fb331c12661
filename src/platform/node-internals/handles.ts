/**
 * libuv's handles behind sockets and servers: they are sent between processes, own the descriptor, and count the bytes. Node
 * has no public API for any of it.
 */
// oxlint-disable no-underscore-dangle -- Node's names

import { type Server, Socket } from "node:net";

export interface RawHandle {
  /** Negative: it has none. */
  readonly fd: number;
  /** TCP only. */
  setNoDelay?(on: boolean): void;
  close(): void;
}

type Accept = (status: number, handle: RawHandle | undefined) => void;

interface Counts {
  /** Bytes that were written but not taken by the kernel. */
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

/** The connection's descriptor. -1: it no longer has one. */
export function descriptorOf(socket: Socket): number {
  return handleOf(socket)?.fd ?? -1;
}

/** Any handle that has a descriptor. */
export interface SentHandle {
  readonly fd: number;
  close(): void;
}

/**
 * A handle in the form that `process.send` takes. It accepts the bare handle, as node:cluster sends it. If we sent the Socket,
 * the other side would start to read.
 */
export function sendable(handle: SentHandle): Socket {
  return handle as unknown as Socket;
}

/**
 * Passes each accepted connection to `take` as its handle, before a JavaScript socket is made for it. A socket costs more than
 * the rest of accepting, and would be wasted on a connection that is passed on. If `take` returns false, and for errors of
 * accepting, the server goes its own way. The server must be listening.
 *
 * Without `onconnection` `take` is never called: the server handles every connection itself.
 */
export function takeHandles(server: Server, take: (handle: RawHandle) => boolean): void {
  const listening = (server as unknown as Handled<{ onconnection?: Accept }>)._handle;
  // null: it failed to listen, and reports that itself.
  const original = listening?.onconnection;
  if (listening === null || original === undefined) return;
  listening.onconnection = function onConnection(status, handle) {
    if (status !== 0 || handle === undefined || !take(handle)) original.call(this, status, handle);
  };
}

/** The connection of a received handle, or of a descriptor. Nothing is read from it. */
export function unread(from: { readonly handle: object } | { readonly fd: number }): Socket {
  const socket = new Socket({ ...from, pauseOnCreate: true, readable: true, writable: true } as never);
  return socket.on("error", () => socket.destroy());
}

/** How many of the bytes written to a socket the kernel has taken. */
export interface Output {
  readonly queuedBytes: number;
  readonly takenBytes: number;
}

/** Of a TCP or Unix socket, also of one under TLS. A closed socket, or a handle without counts, has nothing queued. */
export function outputOf(socket: Socket): Output {
  const handle = (socket as unknown as Handled<Counts>)._handle;
  if (handle === null) return { queuedBytes: 0, takenBytes: 0 };
  const { writeQueueSize = 0, bytesWritten = 0 } = handle;
  return { queuedBytes: writeQueueSize, takenBytes: bytesWritten - writeQueueSize };
}
