/**
 * A worker's main thread accepts connections, paused, and places each on a serving thread. It never runs user code and
 * never parses HTTP, so it always has time.
 *
 * How a connection reaches a thread is `accepted.ts`.
 *
 * While no thread takes connections (all booting, blocked or dead), accepted ones wait here, unread, in arrival order; so
 * do those a dead thread had not adopted. A thread that is blocked may be killed for it, and what was given to it with it.
 */

import { createServer, type Server, type Socket } from "node:net";
import { HeddleError } from "../errors/errors.ts";
import { COUNTER } from "../fabric/load-board.ts";
import { type Accepted, detach, discard } from "./accepted.ts";
import type { SocketAddress } from "./address.ts";
import { place } from "./placement.ts";
import type { InheritedListener } from "./protocol.ts";
import type { ServingThreadHandle } from "./serving-thread-handle.ts";

export interface AcceptorOptions {
  readonly backlog: number;
  readonly threads: () => readonly ServingThreadHandle[];
  readonly isStale: (thread: ServingThreadHandle) => boolean;
  /** An error of accepting itself. */
  readonly onError: (error: Error) => void;
}

export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #servers: Server[] = [];
  readonly #waiting: Accepted[] = [];
  #turn = 0;

  constructor(options: AcceptorOptions) {
    this.#options = options;
  }

  /** Connections accepted and not placed yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Takes connections from inherited listening sockets. Resolves to their addresses once they answer. */
  listen(listeners: readonly InheritedListener[]): Promise<SocketAddress[]> {
    return Promise.all(listeners.map(({ fd }) => this.#listenOn(fd)));
  }

  /** Closes this process's listening sockets. The arbiter's stays open, so the kernel goes on queueing connections. */
  stopListening(): void {
    for (const server of this.#servers.splice(0)) server.close();
  }

  /** Places a paused socket, accepted here or by the arbiter. */
  take(socket: Socket): void {
    const accepted = detach(socket);
    if (accepted !== undefined) this.place(accepted);
  }

  place(accepted: Accepted): void {
    const threads = this.#options.threads();
    const loads = threads.map((thread) => ({
      connections: thread.row.read(COUNTER.connections),
      open: thread.state === "ready" && !this.#options.isStale(thread),
      stale: false,
    }));
    const index = place(loads, this.#turn++);
    if (index >= 0) threads[index]!.give(accepted);
    else if (this.#waiting.length < this.#options.backlog) this.#waiting.push(accepted);
    else discard(accepted);
  }

  /** A thread has become ready, or turns again: places what waited. */
  placeWaiting(): void {
    for (const accepted of this.#waiting.splice(0)) this.place(accepted);
  }

  takeWaiting(): Accepted[] {
    return this.#waiting.splice(0);
  }

  #listenOn(fd: number): Promise<SocketAddress> {
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => this.take(socket));
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      // After it listens, rejecting has no effect, and an error (no descriptors left) must not end the worker.
      server.on("error", (cause) => {
        if (server.listening) this.#options.onError(cause);
        const message = `cannot listen on the inherited descriptor ${fd}: ${cause.message}`;
        reject(new HeddleError("LISTEN_FAILED", message, { cause }));
      });
      server.listen({ fd }, this.#options.backlog, () => resolve(server.address()));
    });
  }
}
