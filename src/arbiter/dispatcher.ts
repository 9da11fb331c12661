/**
 * Accepting in the arbiter, for several workers: each connection, unread, goes to the worker with the fewest.
 *
 * While no worker serves, accepted connections wait here in order; so do all while the server stops, because a
 * connection is refused only after the end. Those a dead worker had not taken over yet are dispatched again.
 */

import { createServer, type Server, type Socket } from "node:net";
import { HeddleError } from "../errors/errors.ts";
import type { Log } from "../log/log.ts";
import { place } from "../worker/placement.ts";
import type { HeldSocket } from "./listeners.ts";
import type { WorkerHandle } from "./worker-handle.ts";

export interface DispatcherOptions {
  /** Those that take connections. */
  readonly workers: () => readonly WorkerHandle[];
  /** Connections that may wait here. */
  readonly backlog: number;
  readonly log: Log;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #servers = new Map<HeldSocket, Server>();
  readonly #waiting: Socket[] = [];
  #parks = false;
  #turn = 0;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  isAccepting(socket: HeldSocket): boolean {
    return this.#servers.has(socket);
  }

  /** Resolves to the sockets' addresses. Once the arbiter accepts on one, it does so until it ends. */
  listen(sockets: readonly HeldSocket[]): Promise<ReturnType<Server["address"]>[]> {
    return Promise.all(sockets.map((socket) => this.#listenOn(socket)));
  }

  dispatch(socket: Socket): void {
    const workers = this.#options.workers();
    const loads = workers.map((worker) => ({
      connections: worker.connections,
      open: !this.#parks,
      stale: worker.openThreads > 0 && worker.healthyThreads === 0,
    }));
    const index = place(loads, this.#turn++);
    if (index >= 0) workers[index]!.hand(socket);
    else if (this.#waiting.length < this.#options.backlog) this.#waiting.push(socket);
    else socket.destroy();
  }

  /** A worker has begun to serve. */
  dispatchWaiting(): void {
    if (this.#parks) return;
    for (const socket of this.#waiting.splice(0)) if (!socket.destroyed) this.dispatch(socket);
  }

  /** From now on connections wait, until `close`. */
  park(): void {
    this.#parks = true;
  }

  close(): void {
    for (const server of this.#servers.values()) server.close();
    this.#servers.clear();
    for (const socket of this.#waiting.splice(0)) socket.destroy();
  }

  async #listenOn(held: HeldSocket): Promise<ReturnType<Server["address"]>> {
    const present = this.#servers.get(held);
    if (present !== undefined) return present.address();
    const { backlog, log } = this.#options;
    const where = held.url ?? `fd://${held.fd}`;
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) =>
      this.dispatch(socket.on("error", () => socket.destroy())),
    );
    this.#servers.set(held, server);
    const { promise, resolve, reject } = Promise.withResolvers<ReturnType<Server["address"]>>();
    server.once("error", reject);
    server.listen(held.adopt as never, backlog, () => resolve(server.address()));
    try {
      return await promise;
    } catch (cause) {
      this.#servers.delete(held);
      throw new HeddleError("LISTEN_FAILED", `cannot accept connections on ${where}: ${(cause as Error).message}`, {
        cause,
      });
    } finally {
      server.removeListener("error", reject);
      server.on("error", (error) => log.warn({}, `accepting on ${where}: ${error.message}`));
    }
  }
}
