/**
 * The parent of it all: owns the sockets, the workers and the control socket. Never runs user code.
 *
 *   start  → bind → first generation boots → serve
 *   reload → next generation boots beside → all ready → it serves → the old one drains
 *   scale  → more slots, or fewer
 *   stop   → drain everything → exit
 *
 * These four are commands; one runs at a time, in the order they came. A reload that fails changes nothing: the old
 * generation serves on, and the reason is kept for `status`.
 */

import type { ServerConfig } from "../config/config.ts";
import { HeddleError, toWire, type WireError } from "../errors/errors.ts";
import { monotonicMs } from "../fabric/load-board.ts";
import { errorFields, type Log } from "../log/log.ts";
import type { AppSummary } from "../worker/thread-protocol.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Fleet } from "./fleet.ts";
import { Listeners } from "./listeners.ts";
import type { WorkerHandle } from "./worker-handle.ts";

export type Progress = (line: string) => void;

export interface LastReload {
  readonly at: string;
  readonly generation: number;
  readonly ok: boolean;
  readonly error?: WireError;
}

export interface ArbiterOptions {
  readonly config: ServerConfig;
  readonly log: Log;
  /** Reads the configuration anew, for a reload. */
  readonly readConfig: () => Promise<ServerConfig>;
}

export class Arbiter {
  readonly listeners: Listeners;
  readonly fleet: Fleet;
  readonly log: Log;
  readonly startedAt: Date = new Date();
  config: ServerConfig;
  generation = 0;
  urls: readonly string[] = [];
  app: AppSummary | undefined;
  /** The app's own files as last seen, also those of a generation that did not boot. */
  modules: readonly string[] = [];
  lastReload: LastReload | undefined;
  stopping = false;
  readonly #dispatcher: Dispatcher;
  readonly #readConfig: () => Promise<ServerConfig>;
  #arbiterAccepts: boolean;
  #commands: Promise<unknown> = Promise.resolve();

  private constructor(options: ArbiterOptions, listeners: Listeners) {
    this.config = options.config;
    this.log = options.log;
    this.listeners = listeners;
    this.#readConfig = options.readConfig;
    this.#arbiterAccepts = acceptsItself(this.config);
    this.fleet = new Fleet({ listeners, log: this.log, arbiterAccepts: () => this.#arbiterAccepts });
    this.#dispatcher = new Dispatcher(() => this.fleet.serving, this.config.backlog);
    this.fleet.on("serving", () => this.#dispatcher.dispatchWaiting());
    this.fleet.on("gone", (worker) => {
      // Also of a worker that did not boot: --watch waits for these files to be mended.
      if (worker.readyMs === undefined && worker.modules.length > 0) this.modules = worker.modules;
      for (const socket of worker.takeBack()) this.#dispatcher.dispatch(socket);
    });
  }

  /** Binds. @throws HeddleError LISTEN_* */
  static async create(options: ArbiterOptions): Promise<Arbiter> {
    return new Arbiter(options, await Listeners.bind(options.config));
  }

  /** Whether a request would be answered now: see control/health.ts. */
  get ready(): boolean {
    return !this.stopping && this.fleet.serving.some((worker) => worker.healthyThreads > 0 && isHeard(worker));
  }

  get live(): boolean {
    const { workers } = this.fleet;
    return workers.length === 0 || workers.some((worker) => worker.state === "starting" || isHeard(worker));
  }

  /** Boots the first generation. Resolves when it answers; rejects with the reason when it does not boot. */
  start(): Promise<void> {
    return this.#command(async () => {
      await this.#takeOver(this.config, () => {});
    });
  }

  /** Resolves to how many workers of the old generation had to be killed. */
  reload(progress: Progress): Promise<number> {
    return this.#command(async () => {
      const generation = this.generation + 1;
      try {
        const killed = await this.#takeOver({ ...(await this.#readConfig()), workers: this.config.workers }, progress);
        this.lastReload = { at: new Date().toISOString(), generation, ok: true };
        return killed;
      } catch (cause) {
        const error = new HeddleError(
          "RELOAD_FAILED",
          `generation ${generation} did not get ready: ${(cause as Error).message}`,
          {
            cause,
            hint: `Generation ${this.generation} serves on.`,
          },
        );
        this.lastReload = { at: new Date().toISOString(), generation, ok: false, error: toWire(error) };
        this.log.error(errorFields(error), `${error.message}\n${error.hint}`);
        throw error;
      }
    });
  }

  scale(to: (workers: number) => number, progress: Progress): Promise<number> {
    return this.#command(async () => {
      const from = this.config.workers;
      const workers = to(from);
      if (!Number.isInteger(workers) || workers < 1) {
        throw new HeddleError(
          "CONFIG_BAD_VALUE",
          `cannot scale from ${from} to ${workers} workers: there must be at least 1.`,
        );
      }
      this.config = { ...this.config, workers };
      this.fleet.slotLimit = workers;
      if (acceptsItself(this.config)) await this.#startAccepting();
      const added = range(from, workers);
      if (added.length > 0) progress(`starting ${added.length} more`);
      await this.#boot(added, this.generation, this.config);
      const surplus = this.fleet.workers.filter(({ slot, state }) => slot >= workers && state !== "draining");
      if (surplus.length > 0) progress(`retiring ${surplus.length}`);
      await this.fleet.retire(surplus, "scale", this.config.gracefulTimeoutMs);
      this.log.info({ from, workers }, `scaled from ${from} to ${workers} workers`);
      return workers;
    });
  }

  /** Drains and ends everything. Resolves to how many workers had to be killed. Does not wait for other commands. */
  async stop(progress: Progress): Promise<number> {
    this.stopping = true;
    this.fleet.leave();
    this.#dispatcher.stop();
    const { workers } = this.fleet;
    progress(`stopping ${workers.length} workers, for at most ${this.config.gracefulTimeoutMs} ms`);
    const killed = await this.fleet.retire(workers, "stop", this.config.gracefulTimeoutMs);
    this.listeners.close();
    return killed;
  }

  /** Ends everything at once. */
  kill(): void {
    this.stopping = true;
    this.fleet.killAll();
    this.listeners.close();
  }

  async #takeOver(config: ServerConfig, progress: Progress): Promise<number> {
    const generation = this.generation + 1;
    const old = this.fleet.workers.filter(({ state }) => state !== "gone");
    progress(`generation ${generation}: starting ${config.workers} workers`);
    const workers = await this.#bootAll(range(0, config.workers), generation, config);
    progress(`generation ${generation}: ready`);
    const urls = await Promise.all(workers.map((worker) => this.fleet.serve(worker)));
    this.urls = this.#arbiterAccepts ? await this.#startAccepting() : (urls[0] ?? []);
    this.config = config;
    this.generation = generation;
    this.app = workers[0]?.app;
    for (const worker of old) worker.replaced = true;
    if (old.length > 0) progress(`generation ${generation}: serving; draining ${old.length} old workers`);
    return this.fleet.retire(old, "reload", config.gracefulTimeoutMs);
  }

  /** All or nothing: the first that does not boot discards the others. */
  async #bootAll(slots: readonly number[], generation: number, config: ServerConfig): Promise<WorkerHandle[]> {
    const spawning = slots.map((slot) => this.fleet.spawn(slot, generation, config));
    try {
      const workers = await Promise.all(spawning);
      this.modules = workers[0]?.modules ?? [];
      return workers;
    } catch (error) {
      const mine = this.fleet.workers.filter(
        (worker) => worker.generation === generation && slots.includes(worker.slot),
      );
      for (const worker of mine) {
        worker.replaced = true;
        worker.kill(undefined);
      }
      await Promise.allSettled(spawning);
      throw error;
    }
  }

  async #boot(slots: readonly number[], generation: number, config: ServerConfig): Promise<void> {
    const workers = await this.#bootAll(slots, generation, config);
    await Promise.all(workers.map((worker) => this.fleet.serve(worker)));
  }

  async #startAccepting(): Promise<readonly string[]> {
    this.#arbiterAccepts = true;
    if (this.#dispatcher.accepting) return this.urls;
    const addresses = await this.#dispatcher.listen(this.listeners.sockets);
    for (const worker of this.fleet.workers) worker.stopAccepting();
    return this.listeners.sockets.map(({ url }, i) => url ?? String(addresses[i]));
  }

  #command<T>(run: () => Promise<T>): Promise<T> {
    const outcome = this.#commands.then(run);
    this.#commands = outcome.catch(() => {});
    return outcome;
  }
}

/** A few heartbeats may be late on a loaded machine. */
const SILENCE_MS = 3000;

function isHeard({ beatMs }: WorkerHandle): boolean {
  return monotonicMs() - beatMs < SILENCE_MS;
}

function acceptsItself({ accept, workers }: ServerConfig): boolean {
  return accept === "handoff" && workers > 1;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
}
