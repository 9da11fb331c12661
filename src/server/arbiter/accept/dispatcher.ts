/**
 * Accepting in the arbiter, for several workers and for `sync`. Each connection is passed on unread, as the distribution
 * decides.
 *
 * It stops accepting while the arbiter, or every worker, lacks descriptors (`worker/accept/descriptor-room.ts`): connections wait in
 * the kernel's backlog then. To stop, it closes its own descriptors of the sockets, which are copies of those that the arbiter holds.
 * Where descriptors can't be copied (no node:ffi) it never stops.
 */

import { createServer, type Server } from "node:net";
import { HeddleError } from "../../../errors/errors.ts";
import type { Log } from "../../../log/log.ts";
import { areAwaited, duplicateFd, hasNative } from "../../../platform/native.ts";
import { DescriptorRoom } from "../../worker/accept/descriptor-room.ts";
import type { Balancer } from "./balancer.ts";
import type { HeldSocket } from "./listeners.ts";

export interface DispatcherOptions {
  readonly distribution: Balancer;
  readonly backlog: number;
  readonly log: Log;
  /** How many connections the arbiter has, or 1 if it is not known how many. */
  readonly connections: () => number;
  /** The arbiter lacks descriptors. */
  readonly onFull: () => void;
  /** Clients wait because all workers lack descriptors. */
  readonly makeRoom: () => void;
}

type Address = ReturnType<Server["address"]>;

/** How often the arbiter's descriptors are counted, beside those of connections: for control connections and new workers. */
const WATCH_MS = 50;
/** How often it is looked whether it may accept again. */
const LOOK_MS = 10;
/** And after so many looks workers that lack descriptors are to make room for those who wait. */
const PATIENT_LOOKS = 10;

export class Dispatcher {
  readonly #options: DispatcherOptions;
  /** null: it does not accept on this one at the moment. */
  readonly #servers = new Map<HeldSocket, Server | null>();
  /** Those that its servers have for themselves, and close. */
  readonly #owned = new Set<HeldSocket>();
  readonly #room: DescriptorRoom;
  /** While it accepts, and while it does not. */
  #watch: NodeJS.Timeout | undefined;
  #looks: NodeJS.Timeout | undefined;
  #lookedTimes = 0;
  #isFull = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#room = new DescriptorRoom({
      connections: options.connections,
      sharers: () => 1,
      sockets: () => this.#servers.size - this.servers.length,
    });
  }

  get servers(): readonly Server[] {
    return [...this.#servers.values()].filter((server) => server !== null);
  }

  /** Whether the arbiter has too few descriptors to accept. */
  get isFull(): boolean {
    return this.#isFull;
  }

  isAccepting(socket: HeldSocket): boolean {
    return this.#servers.has(socket);
  }

  /** Whether the socket is closed with `stop`. */
  owns(socket: HeldSocket): boolean {
    return this.#owned.has(socket);
  }

  /** Resolves to the sockets' addresses. Once the arbiter accepts on one, it does so until it stops. */
  listen(sockets: readonly HeldSocket[]): Promise<Address[]> {
    return Promise.all(sockets.map((socket) => this.#listenOn(socket)));
  }

  /** Closes the sockets that it accepts on. */
  stop(): void {
    clearInterval(this.#watch);
    clearInterval(this.#looks);
    for (const server of this.servers) server.close();
    this.#servers.clear();
  }

  async #listenOn(held: HeldSocket): Promise<Address> {
    const present = this.#servers.get(held);
    if (present !== undefined) return present?.address() ?? held.address ?? null;
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => {
      this.#options.distribution.take(socket.on("error", () => socket.destroy()));
      if (!this.#room.take() || !this.#options.distribution.hasRoom) this.#pause();
    });
    this.#servers.set(held, server);
    const { promise, resolve, reject } = Promise.withResolvers<Address>();
    server.once("error", reject);
    const where = held.url ?? `fd://${held.fd}`;
    try {
      server.listen(this.#take(held) as never, this.#options.backlog, () => resolve(server.address()));
      const address = await promise;
      this.#watch ??= setInterval(() => this.#room.look(false) <= 0 && this.#pause(), WATCH_MS).unref();
      return address;
    } catch (cause) {
      this.#servers.delete(held);
      throw new HeddleError("LISTEN_FAILED", `cannot accept connections on ${where}: ${(cause as Error).message}`, {
        cause,
      });
    } finally {
      server.removeListener("error", reject);
      server.on("error", (error) => this.#options.log.warn({}, `accepting on ${where}: ${error.message}`));
    }
  }

  /** @throws Error: no descriptor is left */
  #take(held: HeldSocket): HeldSocket["adopt"] {
    if (!hasNative()) {
      this.#owned.add(held);
      return held.adopt;
    }
    const fd = duplicateFd(held.fd);
    if (fd === -1) throw new Error("no file descriptors are left");
    return { fd };
  }

  #pause(): void {
    if (this.#looks !== undefined || !hasNative()) return;
    for (const server of this.servers) server.close();
    for (const held of this.#servers.keys()) this.#servers.set(held, null);
    this.#isFull = this.#room.look() <= 0;
    if (this.#isFull) this.#options.onFull();
    this.#lookedTimes = 0;
    this.#looks = setInterval(() => this.#look(), LOOK_MS);
  }

  #look(): void {
    const { distribution, makeRoom, log } = this.#options;
    this.#isFull = this.#room.look() <= 0;
    if (this.#isFull) return;
    if (distribution.hasRoom) {
      clearInterval(this.#looks);
      this.#looks = undefined;
      const held = [...this.#servers.keys()];
      this.#servers.clear();
      this.listen(held).catch((error: Error) => log.warn({}, error.message));
    } else if (++this.#lookedTimes % PATIENT_LOOKS === 0) {
      if (distribution.waiting > 0 || areAwaited([...this.#servers.keys()].map(({ fd }) => fd))) makeRoom();
    }
  }
}
