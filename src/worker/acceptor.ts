/**
 * A worker's main thread accepts connections, paused, and places each on a serving thread. It never runs user code and
 * never parses HTTP, so it always has time.
 *
 * How a connection reaches a thread is `accepted.ts`.
 *
 * While no thread takes connections (all booting or dead), accepted ones wait here, unread, in arrival order; so do
 * those a dead thread had not adopted.
 */

import { createServer, type Server, type Socket } from "node:net";
import { HeddleError } from "../errors/errors.ts";
import { COUNTER } from "../fabric/load-board.ts";
import { type Accepted, detach, discard } from "./accepted.ts";
import { place } from "./placement.ts";
import type { InheritedListener } from "./protocol.ts";
import type { ServingThreadHandle } from "./serving-thread-handle.ts";

export interface AcceptorOptions {
  readonly backlog: number;
  readonly threads: () => readonly ServingThreadHandle[];
  readonly isStale: (thread: ServingThreadHandle) => boolean;
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
  listen(listeners: readonly InheritedListener[]): Promise<(string | { address: string; port: number })[]> {
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
      open: thread.state === "ready",
      stale: this.#options.isStale(thread),
    }));
    const index = place(loads, this.#turn++);
    if (index >= 0) threads[index]!.give(accepted);
    else if (this.#waiting.length < this.#options.backlog) this.#waiting.push(accepted);
    else discard(accepted);
  }

  /** A thread has become ready: places what waited. */
  placeWaiting(): void {
    for (const accepted of this.#waiting.splice(0)) this.place(accepted);
  }

  dropWaiting(): void {
    for (const accepted of this.#waiting.splice(0)) discard(accepted);
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
