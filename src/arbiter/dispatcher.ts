/**
 * Accepting in the arbiter, for several workers: each connection, paused, goes to the worker with the fewest.
 *
 * While no worker serves, accepted connections wait here in order. Those a dead worker had not taken over yet are
 * dispatched again.
 */

import { createServer, type Server, type Socket } from "node:net";
import { HeddleError } from "../errors/errors.ts";
import { place } from "../worker/placement.ts";
import type { HeldSocket } from "./listeners.ts";
import type { WorkerHandle } from "./worker-handle.ts";

export class Dispatcher {
  readonly #workers: () => readonly WorkerHandle[];
  readonly #backlog: number;
  readonly #servers: Server[] = [];
  readonly #waiting: Socket[] = [];
  #turn = 0;

  constructor(workers: () => readonly WorkerHandle[], backlog: number) {
    this.#workers = workers;
    this.#backlog = backlog;
  }

  get accepting(): boolean {
    return this.#servers.length > 0;
  }

  /** Resolves to the sockets' addresses. Once it accepts, the arbiter does so until it ends. */
  listen(sockets: readonly HeldSocket[]): Promise<ReturnType<Server["address"]>[]> {
    return Promise.all(sockets.map((socket) => this.#listenOn(socket)));
  }

  dispatch(socket: Socket): void {
    const workers = this.#workers();
    const loads = workers.map((worker) => ({
      connections: worker.connections,
      open: worker.state === "serving",
      stale: worker.openThreads > 0 && worker.healthyThreads === 0,
    }));
    const index = place(loads, this.#turn++);
    if (index >= 0) workers[index]!.hand(socket);
    else if (this.#waiting.length < this.#backlog) this.#waiting.push(socket.on("error", () => socket.destroy()));
    else socket.destroy();
  }

  /** A worker has begun to serve. */
  dispatchWaiting(): void {
    for (const socket of this.#waiting.splice(0)) if (!socket.destroyed) this.dispatch(socket);
  }

  stop(): void {
    for (const server of this.#servers.splice(0)) server.close();
    for (const socket of this.#waiting.splice(0)) socket.destroy();
  }

  #listenOn(held: HeldSocket): Promise<ReturnType<Server["address"]>> {
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => this.dispatch(socket));
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once("error", (cause) =>
        reject(
          new HeddleError(
            "LISTEN_FAILED",
            `cannot accept connections on ${held.url ?? `fd://${held.fd}`}: ${cause.message}`,
            { cause },
          ),
        ),
      );
      server.listen(held.adopt as never, this.#backlog, () => resolve(server.address()));
    });
  }
}
