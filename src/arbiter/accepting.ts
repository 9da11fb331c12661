/**
 * Who accepts: the workers on the sockets they inherit, or the arbiter for them (`dispatcher.ts`). With `--accept
 * handoff` the arbiter does from the moment there is more than one worker, and then until it ends; the workers that
 * accepted till then are told to leave it.
 *
 * With `reuseport` every slot has a socket. One whose slot is gone would go on queueing connections that nobody
 * accepts, and closing it would reset those it has: the arbiter accepts on it.
 */

import type { Socket } from "node:net";
import type { ServerConfig } from "../config/config.ts";
import type { Log } from "../log/log.ts";
import { type SocketAddress, urlOf } from "../worker/address.ts";
import type { InheritedListener } from "../worker/protocol.ts";
import type { ListenerAddress } from "../worker/thread-protocol.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { Fleet } from "./fleet.ts";
import { Listeners } from "./listeners.ts";

export class Accepting {
  urls: readonly string[] = [];
  readonly #listeners: Listeners;
  readonly #dispatcher: Dispatcher;
  readonly #fleet: Fleet;
  readonly #scheme: "http" | "https";

  private constructor(config: ServerConfig, log: Log, fleet: Fleet, listeners: Listeners) {
    this.#listeners = listeners;
    this.#fleet = fleet;
    this.#scheme = config.tlsCert === undefined ? "http" : "https";
    const dispatcher = new Dispatcher({ workers: () => fleet.serving, backlog: config.backlog, log });
    this.#dispatcher = dispatcher;
    const dispatch = (socket: Socket): void => dispatcher.dispatch(socket);
    fleet.on("serving", () => dispatcher.dispatchWaiting());
    fleet.on("returned", dispatch);
    fleet.on("gone", (worker) => worker.takeBack().forEach(dispatch));
  }

  /** Binds. @throws HeddleError LISTEN_* */
  static async bind(config: ServerConfig, log: Log, fleet: Fleet): Promise<Accepting> {
    return new Accepting(config, log, fleet, await Listeners.bind(config));
  }

  get address(): ListenerAddress {
    return this.#listeners.primary;
  }

  /** The sockets a worker spawned now is to accept on. */
  inherited(slot: number, config: ServerConfig): readonly InheritedListener[] {
    return this.#isOurs(config) ? [] : this.#listeners.inherited(slot);
  }

  /** So many workers are about to serve, or serve: accepts if that is the arbiter's to do. */
  async adapt(config: ServerConfig): Promise<void> {
    const { sockets } = this.#listeners;
    if (this.#isOurs(config) && !this.#isAccepting) {
      this.noteAddresses(await this.#dispatcher.listen(sockets));
      for (const worker of this.#fleet.workers) worker.stopAccepting();
    }
    await this.#dispatcher.listen(this.#listeners.surplus(config.workers));
  }

  /** What the sockets that were listening before heddle had them turned out to be bound to. */
  noteAddresses(addresses: readonly SocketAddress[]): void {
    this.urls = this.#listeners.sockets.map(
      ({ url, fd }, i) => url ?? urlOf(this.#scheme, addresses[i] ?? null) ?? `fd://${fd}`,
    );
  }

  /** From now on connections wait, until `close`. */
  park(): void {
    this.#dispatcher.park();
  }

  close(): void {
    this.#dispatcher.close();
    this.#listeners.close();
  }

  get #isAccepting(): boolean {
    return this.#dispatcher.isAccepting(this.#listeners.sockets[0]!);
  }

  #isOurs({ accept, workers }: ServerConfig): boolean {
    return (accept === "handoff" && workers > 1) || this.#isAccepting;
  }
}
