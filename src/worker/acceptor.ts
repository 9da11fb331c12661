/**
 * A worker's main thread accepts connections, paused, and places each on a serving thread. It never runs user code and
 * never parses HTTP, so it always has time.
 *
 * A connection reaches a thread in one of two ways. TCP sockets are transferred (Node 26.6). Unix sockets can't be:
 * their descriptor is duplicated with dup(2), the number crosses, the thread adopts it and this side closes its own;
 * closing one of two descriptors of a connection does not end it. dup is called through `node:ffi`.
 * Rejected for Unix sockets: a listener per thread (the kernel wakes whom it likes: 87 % / 13 % of a burst over two, and
 * no thread can be skipped), copying bytes through messages (two extra hops for every request).
 *
 * While no thread takes connections (all booting or dead), accepted ones wait here, paused, in arrival order.
 */

import { createServer, type Server, type Socket } from "node:net";
import { HeddleError } from "../errors/errors.ts";
import { COUNTER } from "../fabric/load-board.ts";
import { duplicateFd } from "../fabric/native.ts";
import { place } from "./placement.ts";
import type { InheritedListener } from "./protocol.ts";
import type { ServingThreadHandle } from "./serving-thread-handle.ts";

interface SocketWithHandle extends Socket {
  readonly _handle: { readonly fd: number } | null;
}

export interface AcceptorOptions {
  readonly backlog: number;
  readonly threads: () => readonly ServingThreadHandle[];
  readonly isStale: (thread: ServingThreadHandle) => boolean;
}

export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #servers: Server[] = [];
  readonly #waiting: Socket[] = [];
  #turn = 0;

  constructor(options: AcceptorOptions) {
    this.#options = options;
  }

  /** Connections accepted and not placed yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Takes connections from inherited listening sockets. Resolves to their addresses once they answer. */
  listen(listeners: readonly InheritedListener[]): Promise<(string | { address: string; port: number })[]> {
    return Promise.all(listeners.map(({ fd }) => this.#listenOn(fd)));
  }

  /** Closes this process's listening sockets. The arbiter's stays open, so the kernel goes on queueing connections. */
  stopListening(): void {
    for (const server of this.#servers.splice(0)) server.close();
  }

  /** Places a paused socket, accepted here or by the arbiter. */
  take(socket: Socket): void {
    const threads = this.#options.threads();
    const loads = threads.map((thread) => ({
      connections: thread.row.read(COUNTER.connections),
      open: thread.state === "ready",
      stale: this.#options.isStale(thread),
    }));
    const index = place(loads, this.#turn++);
    if (index === -1) this.#wait(socket);
    else hand(socket, threads[index]!);
  }

  /** A thread has become ready: places what waited. */
  placeWaiting(): void {
    for (const socket of this.#waiting.splice(0)) {
      if (!socket.destroyed) this.take(socket);
    }
  }

  dropWaiting(): void {
    for (const socket of this.#waiting.splice(0)) socket.destroy();
  }

  #wait(socket: Socket): void {
    socket.on("error", () => socket.destroy());
    if (this.#waiting.length >= this.#options.backlog) socket.destroy();
    else this.#waiting.push(socket);
  }

  #listenOn(fd: number): Promise<string | { address: string; port: number }> {
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => this.take(socket));
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once("error", (cause) =>
        reject(
          new HeddleError("LISTEN_FAILED", `cannot listen on the inherited descriptor ${fd}: ${cause.message}`, {
            cause,
          }),
        ),
      );
      server.listen({ fd }, this.#options.backlog, () => resolve(server.address()!));
    });
  }
}

function hand(socket: Socket, thread: ServingThreadHandle): void {
  const fd = (socket as SocketWithHandle)._handle?.fd;
  if (fd === undefined) return;
  if (socket.remoteAddress !== undefined) {
    thread.give(socket);
    return;
  }
  thread.giveFd(duplicateFd(fd));
  socket.destroy();
}
