/**
 * Who accepts: the workers on the sockets they inherit, or the arbiter for them (`dispatcher.ts`). With `--accept
 * handoff` the arbiter does from the moment there is more than one worker, and then until it ends; the workers that
 * accepted till then are told to leave it. For `sync` it always does, because only it knows who is idle.
 *
 * With `reuseport` every slot has a socket. One whose slot is gone would go on queueing connections that nobody
 * accepts, and closing it would reset those it has: the arbiter accepts on it.
 */

import type { Socket } from "node:net";
import type { ServerConfig } from "../../../config/config.ts";
import type { Log } from "../../../log/log.ts";
import { loadNative } from "../../../platform/native.ts";
import { type SocketAddress, urlOf } from "../../worker/accept/address.ts";
import { emptied, endHandshakes, endListening } from "../../worker/accept/backlog.ts";
import type { InheritedListener } from "../../worker/worker-protocol.ts";
import { unread } from "../../../platform/node-internals/handles.ts";
import type { ListenerAddress } from "../../worker/serving/serving-protocol.ts";
import { TurnAway } from "../../worker/accept/turn-away.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { Balancer } from "./balancer.ts";
import type { Fleet } from "../workers/fleet.ts";
import { askKernel, lastByteAgeMs, sinceTheyWait } from "./hung-up.ts";
import { Listeners } from "./listeners.ts";
import { LeastConnections } from "./least-connections.ts";
import { IdleWorkers } from "./idle-workers.ts";
import type { WorkerHandle } from "../workers/worker-handle.ts";

export class Accepting {
  urls: readonly string[] = [];
  readonly #listeners: Listeners;
  readonly #dispatcher: Dispatcher;
  readonly #distribution: Balancer;
  readonly #fleet: Fleet;
  readonly #scheme: "http" | "https";
  #config: ServerConfig;
  /** Nobody accepts any more; the sockets are closed. */
  #isOver = false;

  private constructor(config: ServerConfig, log: Log, fleet: Fleet, listeners: Listeners) {
    this.#listeners = listeners;
    this.#fleet = fleet;
    this.#scheme = config.tlsCert === undefined ? "http" : "https";
    this.#config = config;
    const distribution = this.#distribute(config);
    this.#distribution = distribution;
    this.#dispatcher = new Dispatcher({ distribution, backlog: config.backlog, log });
    fleet.on("serving", () => distribution.look());
    fleet.on("turn", () => distribution.look());
    fleet.on("returned", (socket) => distribution.takeBack([socket]));
    fleet.on("gone", (worker) => distribution.takeBack(worker.takeBack()));
  }

  /** Binds. @throws HeddleError LISTEN_* */
  static async bind(config: ServerConfig, log: Log, fleet: Fleet): Promise<Accepting> {
    if (config.model === "sync") await loadNative();
    return new Accepting(config, log, fleet, await Listeners.bind(config));
  }

  get address(): ListenerAddress {
    return this.#listeners.primary;
  }

  /** Connections that wait for a worker. */
  get waiting(): number {
    return this.#distribution.waiting;
  }

  /** Connections turned away because too many waited, or one waited too long. */
  get shed(): number {
    return this.#distribution.shed;
  }

  /** The sockets a worker spawned now is to accept on. */
  inherited(slot: number, config: ServerConfig): readonly InheritedListener[] {
    return this.#isOver || this.#isOurs(config) ? [] : this.#listeners.inherited(slot);
  }

  /** So many workers are about to serve, or serve: accepts if that is the arbiter's to do. */
  async adapt(config: ServerConfig): Promise<void> {
    if (this.#isOver) return;
    this.#config = config;
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

  /**
   * The server stops: connections are refused from now on, and those that wait in the backlog are given to the workers.
   * Resolves when the workers may be let go.
   */
  async finish(withinMs: number): Promise<void> {
    if (await loadNative()) await endHandshakes(this.#listeners.all);
    else await emptied(this.#dispatcher.servers, this.#config.backlog);
    this.#endListening();
    await this.#distribution.finish(withinMs);
  }

  close(): void {
    this.#isOver = true;
    this.#listeners.removeFiles();
    this.#dispatcher.stop();
    this.#distribution.close();
  }

  #endListening(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const worker of this.#fleet.workers) worker.stopAccepting();
    const waiting = this.#listeners.all.flatMap((socket) => endListening(socket, this.#config.backlog));
    this.#listeners.removeFiles();
    for (const socket of this.#listeners.all) if (!this.#dispatcher.isAccepting(socket)) socket.close();
    this.#dispatcher.stop();
    for (const fd of waiting) this.#distribution.take(unread({ fd }).setNoDelay(true));
  }

  get #isAccepting(): boolean {
    return this.#dispatcher.isAccepting(this.#listeners.sockets[0]!);
  }

  #isOurs({ accept, workers, model }: ServerConfig): boolean {
    return model === "sync" || (accept === "handoff" && workers > 1) || this.#isAccepting;
  }

  #distribute({ model, backlog, tlsCert }: ServerConfig): Balancer {
    const workers = (): readonly WorkerHandle[] => this.#fleet.serving;
    const away = new TurnAway(tlsCert !== undefined);
    const turnAway = (socket: Socket): void => away.refuse(socket);
    if (model !== "sync") return new LeastConnections({ workers, backlog, turnAway });
    return new IdleWorkers({
      workers,
      limits: () => this.#config,
      turnAway,
      hungUp: sinceTheyWait(askKernel, lastByteAgeMs),
    });
  }
}
