/**
 * Accepting in the arbiter, for several workers and for `sync`. Each connection is passed on unread, as the distribution
 * decides.
 */

import { createServer, type Server } from "node:net";
import { HeddleError } from "../../../errors/errors.ts";
import type { Log } from "../../../log/log.ts";
import type { Balancer } from "./balancer.ts";
import type { HeldSocket } from "./listeners.ts";

export interface DispatcherOptions {
  readonly distribution: Balancer;
  readonly backlog: number;
  readonly log: Log;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #servers = new Map<HeldSocket, Server>();

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  get servers(): readonly Server[] {
    return [...this.#servers.values()];
  }

  isAccepting(socket: HeldSocket): boolean {
    return this.#servers.has(socket);
  }

  /** Resolves to the sockets' addresses. Once the arbiter accepts on one, it does so until it stops. */
  listen(sockets: readonly HeldSocket[]): Promise<ReturnType<Server["address"]>[]> {
    return Promise.all(sockets.map((socket) => this.#listenOn(socket)));
  }

  /** Closes the sockets that it accepts on. */
  stop(): void {
    for (const server of this.#servers.values()) server.close();
    this.#servers.clear();
  }

  async #listenOn(held: HeldSocket): Promise<ReturnType<Server["address"]>> {
    const present = this.#servers.get(held);
    if (present !== undefined) return present.address();
    const { distribution, backlog, log } = this.#options;
    const where = held.url ?? `fd://${held.fd}`;
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) =>
      distribution.take(socket.on("error", () => socket.destroy())),
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
