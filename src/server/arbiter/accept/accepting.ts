/**
 * Who accepts: the workers on the sockets they inherit, or the arbiter for them (`dispatcher.ts`).
 *
 * Workers that are one event loop each accept from one socket, and pass on what another one should have (`worker-board.ts`); the
 * arbiter only forwards that. Otherwise, with `--accept handoff`, the arbiter accepts as soon as there is more than one worker,
 * and then until it ends; the workers that accepted until then are told to stop. Under `sync` it always accepts, because only it
 * knows which worker is idle.
 *
 * With `reuseport` every slot has a socket. When a slot is removed, its socket would go on queueing connections that nobody
 * accepts, and closing it would reset the queued ones. So the arbiter accepts on it.
 */

import type { Socket } from "node:net";
import type { ServerConfig } from "../../../config/config.ts";
import type { Log } from "../../../log/log.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import { isEncrypted, type OwnProtocol } from "../../../platform/app-servers.ts";
import { hasNative, loadNative } from "../../../platform/native.ts";
import { type SocketAddress, urlOf } from "../../worker/accept/address.ts";
import { emptied, endHandshakes, endListening } from "../../worker/accept/backlog.ts";
import { unread } from "../../../platform/node-internals/handles.ts";
import type { ListenerAddress } from "../../worker/serving/serving-protocol.ts";
import { TurnAway } from "../../worker/accept/turn-away.ts";
import { DescriptorWatch } from "../../worker/descriptor-watch.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { Balancer } from "./balancer.ts";
import type { Fleet } from "../workers/fleet.ts";
import { askKernel, lastByteAgeMs, sinceTheyWait } from "./hung-up.ts";
import { Listeners } from "./listeners.ts";
import { LeastConnections } from "./least-connections.ts";
import { IdleWorkers } from "./idle-workers.ts";
import type { Accepts, WorkerHandle } from "../workers/worker-handle.ts";
import { WorkerBoard } from "../../worker/accept/worker-board.ts";
import { isOneLoop } from "../../models/offload/dispatch/pools.ts";

export class Accepting {
  readonly #listeners: Listeners;
  readonly #dispatcher: Dispatcher;
  readonly #distribution: Balancer;
  readonly #fleet: Fleet;
  readonly #isTls: boolean;
  #protocol: OwnProtocol | undefined;
  /** In the order of the listeners. null: not known. */
  #addresses: readonly SocketAddress[] = [];
  /** undefined: there is no shared memory here. */
  readonly #board: WorkerBoard | undefined = hasNative() ? WorkerBoard.create() : undefined;
  #config: ServerConfig;
  /** The sockets are closed, and nobody accepts any more. */
  #isOver = false;

  private constructor(
    config: ServerConfig,
    log: Log,
    fleet: Fleet,
    listeners: Listeners,
    descriptors: DescriptorWatch,
  ) {
    this.#listeners = listeners;
    this.#fleet = fleet;
    this.#isTls = config.tlsCert !== undefined;
    this.#config = config;
    const distribution = this.#distribute(config);
    this.#distribution = distribution;
    this.#dispatcher = new Dispatcher({
      distribution,
      backlog: config.backlog,
      log,
      connections: () => distribution.waiting + (fleet.workers.some(({ isOffered }) => isOffered) ? 1 : 0),
      onFull: descriptors.full,
      makeRoom: () => {
        for (const worker of fleet.serving) worker.makeRoom();
      },
    });
    fleet.on("serving", () => distribution.look());
    fleet.on("turn", () => distribution.look());
    fleet.on("returned", (socket) => distribution.takeBack([socket]));
    fleet.on("pass-on", (socket, pid) => this.#forward(socket, pid));
    fleet.on("gone", (worker) => {
      if (worker.seat !== undefined) this.#board?.leave(worker.seat.index);
      distribution.takeBack(worker.takeBack());
    });
  }

  /** Binds. @throws HeddleError LISTEN_* */
  static async bind(config: ServerConfig, log: Log, fleet: Fleet): Promise<Accepting> {
    await loadNative();
    const descriptors = new DescriptorWatch(log, `the arbiter (${process.pid})`);
    return new Accepting(config, log, fleet, await Listeners.bind(config), descriptors);
  }

  get address(): ListenerAddress {
    return this.#listeners.primary;
  }

  /** Connections that wait for a worker. */
  get waiting(): number {
    return this.#distribution.waiting;
  }

  /** Whether the arbiter has too few descriptors to accept connections. */
  get isFull(): boolean {
    return this.#dispatcher.isFull;
  }

  /** Connections refused because too many waited, or one waited too long. */
  get shed(): number {
    return this.#distribution.shed;
  }

  /** How a worker spawned now should accept. */
  inherited(slot: number, config: ServerConfig): Accepts {
    if (this.#isOver || this.#isOurs(config)) return { listeners: [], seat: undefined };
    return { listeners: this.#listeners.inherited(slot), seat: this.#seat(config) };
  }

  /** This many workers serve or will serve soon. Begins to accept if the arbiter has to. */
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

  /** Notes the addresses of sockets that were already listening when heddle got them. */
  noteAddresses(addresses: readonly SocketAddress[]): void {
    this.#addresses = addresses;
  }

  /** The generation that serves from now on. `protocol`: what its app's own server speaks, if that gets the connections. */
  serves(protocol: OwnProtocol | undefined): void {
    this.#protocol = protocol;
  }

  get urls(): readonly string[] {
    const scheme = this.#isTls || isEncrypted(this.#protocol) ? "https" : "http";
    return this.#listeners.sockets.map(({ url, fd, address }, i) =>
      address === undefined
        ? (url ?? urlOf(scheme, this.#addresses[i] ?? null) ?? `fd://${fd}`)
        : urlOf(scheme, address)!,
    );
  }

  /**
   * The server stops: from now on connections are refused, and those in the backlog are given to the workers.
   * Resolves when the workers may be drained.
   */
  async finish(withinMs: number): Promise<void> {
    const endMs = monotonicMs() + withinMs;
    if (await loadNative()) await endHandshakes(this.#listeners.all);
    else await emptied(this.#dispatcher.servers, this.#config.backlog);
    this.#endListening();
    await this.#distribution.finish(Math.max(0, endMs - monotonicMs()));
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
    for (const socket of this.#listeners.all) if (!this.#dispatcher.owns(socket)) socket.close();
    this.#dispatcher.stop();
    for (const fd of waiting) this.#distribution.take(unread({ fd }).setNoDelay(true));
  }

  #seat(config: ServerConfig): Accepts["seat"] {
    const board = this.#board;
    const index = isShared(config) ? board?.take() : undefined;
    return index === undefined ? undefined : { fd: board!.fd, index, row: board!.row(index) };
  }

  /** One worker has accepted a connection for another, and counted it there. */
  #forward(socket: Socket | undefined, pid: number): void {
    const worker = this.#fleet.workers.find((each) => each.pid === pid);
    if (socket !== undefined && worker?.state === "serving") return worker.hand(socket, true);
    // Of one that is gone the row is gone as well.
    worker?.seat?.row.tryLower("connections");
    if (socket !== undefined) this.#distribution.take(socket);
  }

  get #isAccepting(): boolean {
    return this.#dispatcher.isAccepting(this.#listeners.sockets[0]!);
  }

  #isOurs(config: ServerConfig): boolean {
    const { accept, workers, model } = config;
    if (model === "sync" || this.#isAccepting) return true;
    const isAlone = this.#board === undefined || !isShared(config);
    return workers > 1 && (accept === "handoff" || (accept === "auto" && isAlone));
  }

  #distribute({ model, backlog }: ServerConfig): Balancer {
    const workers = (): readonly WorkerHandle[] => this.#fleet.serving.filter(({ rests }) => !rests);
    const away = new TurnAway(() => !this.#isTls && this.#protocol === undefined);
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

/** Whether its workers accept from one socket, and can pass on to each other. */
function isShared(config: ServerConfig): boolean {
  return isOneLoop(config) && (config.accept === "auto" || config.accept === "shared");
}
