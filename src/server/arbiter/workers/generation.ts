/**
 * The workers that run one load of the app's code, one per slot, under one configuration.
 *
 *   boot   all slots at once, all or nothing: the first that fails discards the others
 *   serve  they take connections
 *   resize more slots, or fewer, while it serves
 *   retire it drains; nothing of it is started or repaired any more
 *
 * At most one generation is current. While the next one boots, the current one repairs and recycles its workers as
 * ever; what it has running when it is retired, booting replacements included, goes with it.
 */

import type { ServerConfig } from "../../../config/config.ts";
import type { HeddleError } from "../../../errors/errors.ts";
import type { Log } from "../../../log/log.ts";
import type { SocketAddress } from "../../worker/accept/address.ts";
import type { GateShare, InheritedListener, TicketKeys } from "../../worker/worker-protocol.ts";
import { Backoff } from "../../../supervise/backoff.ts";
import type { AppSummary, DrainReason, ListenerAddress } from "../../worker/serving/serving-protocol.ts";
import type { Fleet } from "./fleet.ts";
import { share } from "./limit-shares.ts";
import { Slot } from "./slot.ts";
import type { Surroundings } from "./surroundings.ts";
import type { Certificate } from "../tls.ts";
import type { WorkerHandle } from "./worker-handle.ts";

export interface GenerationOptions {
  readonly number: number;
  readonly config: ServerConfig;
  readonly tls: Certificate | undefined;
  /** Those of now, for a worker that is spawned. */
  readonly ticketKeys: () => TicketKeys;
  readonly surroundings: Surroundings;
  readonly fleet: Fleet;
  readonly log: Log;
  readonly address: ListenerAddress;
  /** The sockets a worker in this slot is to accept on, at the time it is spawned. */
  readonly inherited: (slot: number, config: ServerConfig) => readonly InheritedListener[];
}

/** This process has one Node, whatever it loads. */
const toldOfNode = new Set<string>();

export class Generation {
  readonly number: number;
  config: ServerConfig;
  /** The app's own files, as far as a worker that booted, or failed to, has told. */
  modules: readonly string[] = [];
  readonly #options: GenerationOptions;
  readonly #policy = new Backoff();
  #slots: Slot[];

  constructor(options: GenerationOptions) {
    this.#options = options;
    this.number = options.number;
    this.config = options.config;
    this.#slots = this.#makeSlots(0, options.config.workers);
  }

  get app(): AppSummary | undefined {
    return this.#slots[0]?.current?.app;
  }

  /** @throws HeddleError why a worker did not get ready */
  async boot(): Promise<void> {
    await this.#bootAll(this.#slots);
    const { upgrades, server, routing = [], node = [] } = this.app ?? {};
    const { log } = this.#options;
    if (upgrades !== undefined) log[upgrades.level]({ routes: upgrades.routes }, upgrades.message);
    if (server?.note !== undefined) log[server.note.level]({ settings: server.note.names }, server.note.message);
    for (const lacking of node) {
      if (toldOfNode.has(lacking)) continue;
      toldOfNode.add(lacking);
      log.warn({}, lacking);
    }
    for (const difference of routing) log.warn({}, difference);
  }

  /** Resolves to the addresses the first worker accepts on. @throws HeddleError a worker died since it was ready */
  async serve(): Promise<readonly SocketAddress[]> {
    const addresses = await Promise.all(this.#slots.map((slot) => slot.serve()));
    return addresses[0] ?? [];
  }

  /** Resolves when all new ones serve, and to how the surplus drains. @throws HeddleError a new one did not get ready */
  async resize(workers: number): Promise<{ readonly drained: Promise<number> }> {
    const before = this.config;
    this.config = { ...before, workers };
    const added = this.#makeSlots(this.#slots.length, workers);
    try {
      await this.#bootAll(added);
      await Promise.all(added.map((slot) => slot.serve()));
    } catch (error) {
      this.config = before;
      void retireAll(added, "scale");
      throw error;
    }
    const surplus = this.#slots.slice(workers);
    this.#slots = [...this.#slots.slice(0, workers), ...added];
    for (const slot of this.#slots) slot.current?.tellShare(this.#shareOf(slot.index));
    return { drained: retireAll(surplus, "scale") };
  }

  /** Resolves to how many workers were cut short. May be called again, with a more urgent reason. */
  retire(reason: DrainReason): Promise<number> {
    return retireAll(this.#slots, reason);
  }

  /** The shares of `--limit` add up to it, however many workers there are. */
  #shareOf(slot: number): GateShare {
    const { limit, queue, workers } = this.config;
    return { limit: share(limit, slot, workers), queue: share(queue, slot, workers) };
  }

  #makeSlots(from: number, to: number): Slot[] {
    const { fleet, log } = this.#options;
    const { gracefulTimeoutMs } = this.config;
    return Array.from({ length: Math.max(0, to - from) }, (_, i) => {
      const index = from + i;
      const spawn = (): WorkerHandle => this.#spawn(index);
      return new Slot(index, { fleet, log, policy: this.#policy, gracefulTimeoutMs, spawn });
    });
  }

  #spawn(slot: number): WorkerHandle {
    const { config } = this;
    const { fleet, address, inherited, surroundings } = this.#options;
    const { app, cwd, env } = surroundings;
    const own: ServerConfig = { ...config, ...this.#shareOf(slot), app, cwd };
    const tls = this.#options.tls && { ...this.#options.tls, ticketKeys: this.#options.ticketKeys() };
    const boot = { config: own, tls, slot, generation: this.number, address };
    const worker = fleet.spawn(boot, inherited(slot, config), env);
    const noteModules = (): void => {
      if (worker.modules.length > 0) this.modules = worker.modules;
    };
    worker.once("ready", noteModules);
    worker.once("gone", noteModules);
    return worker;
  }

  async #bootAll(slots: readonly Slot[]): Promise<void> {
    try {
      await Promise.all(slots.map((slot) => slot.boot()));
    } catch (error) {
      await retireAll(slots, "recycle");
      throw error as HeddleError;
    }
  }
}

/** What a model can't do is said at start, also by `heddle check`. */
async function retireAll(slots: readonly Slot[], reason: DrainReason): Promise<number> {
  const cut = await Promise.all(slots.map((slot) => slot.retire(reason)));
  return cut.reduce((sum, count) => sum + count, 0);
}
