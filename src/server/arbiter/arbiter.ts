/**
 * The parent of it all: owns the sockets, the workers and the control socket. Never runs user code.
 *
 *   start  → bind → first generation boots → serve
 *   reload → next generation boots beside → all ready → it serves → the old one drains
 *   scale  → more slots, or fewer
 *   stop   → serve on for the stop delay → close the sockets → drain everything → exit
 *
 * The first three are commands; one runs at a time, in the order they came. Reloads that are asked for while one runs are
 * one more reload, which loads the code as it is then, and all who asked hear how that one went. What drains does so beside the next command:
 * a client that keeps its connection busy must not hold up a reload. `stop` does not wait its turn: it ends the command
 * that runs, which fails, and those that wait. A reload that fails changes nothing: the old generation serves on, and
 * the reason is kept for `status`.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { ServerConfig } from "../../config/config.ts";
import { HeddleError, messageOf, toWire, type WireError } from "../../errors/errors.ts";
import { monotonicMs } from "../../kit/clock.ts";
import type { Log } from "../../log/log.ts";
import { reserveOf } from "../worker/serving/drain-times.ts";
import type { AppSummary } from "../worker/serving/serving-protocol.ts";
import { Accepting } from "./accept/accepting.ts";
import { Fleet } from "./workers/fleet.ts";
import { Generation } from "./workers/generation.ts";
import { planReload } from "./reload.ts";
import { type Progress, CoalescedCommand } from "./coalesced-command.ts";
import { settle } from "./workers/surroundings.ts";
import { TicketKeys } from "./ticket-keys.ts";
import { readTls } from "./tls.ts";

export interface LastReload {
  readonly at: string;
  readonly generation: number;
  readonly ok: boolean;
  readonly error?: WireError;
}

/** Is told when the app is loaded, from `modules` as they are after it. */
export interface LoadWatch {
  begins(): void;
  ended(isOk: boolean): void;
}

/** The command has taken effect; `drained` resolves, when the old workers are gone, to how many were cut short. */
export interface Done {
  readonly drained: Promise<number>;
}

export interface Reloaded extends Done {
  readonly generation: number;
}

export interface ArbiterOptions {
  readonly config: ServerConfig;
  readonly log: Log;
  /** Reads the configuration anew, for a reload. */
  readonly readConfig: () => Promise<ServerConfig>;
  /** Whoever asked for it, the operator must learn of it. */
  readonly onReloadFailed: (error: HeddleError) => void;
  /** The stop delay, if there is one, is over: connections are refused from now on. */
  readonly onStop: () => void;
  readonly watch?: LoadWatch | undefined;
}

export class Arbiter {
  readonly fleet: Fleet;
  readonly log: Log;
  readonly startedAt: Date = new Date();
  /** The app's own files as last seen, also those of a generation that did not boot. */
  modules: readonly string[] = [];
  lastReload: LastReload | undefined;
  readonly #accepting: Accepting;
  readonly #readConfig: () => Promise<ServerConfig>;
  readonly #onReloadFailed: (error: HeddleError) => void;
  readonly #onStop: () => void;
  readonly #watch: LoadWatch | undefined;
  /** Kept across reloads: the clients are the same. */
  readonly #ticketKeys = new TicketKeys((keys) => {
    for (const worker of this.fleet.workers) worker.tellTicketKeys(keys);
  });
  /** What the configuration said when it was last read with success. */
  #read: ServerConfig;
  #config: ServerConfig;
  #current: Generation | undefined;
  /** Boots, or takes over right now. */
  #next: Generation | undefined;
  #commands: Promise<unknown> = Promise.resolve();
  readonly #reloads = new CoalescedCommand<Reloaded>((begins, progress) =>
    this.#command(() => {
      begins();
      return this.#reload(progress);
    }),
  );
  #stopped: Promise<number> | undefined;
  /** monotonicMs of the end of the stop delay. */
  #stopsAtMs: number | undefined;

  private constructor(
    { config, log, readConfig, onReloadFailed, onStop, watch }: ArbiterOptions,
    fleet: Fleet,
    accepting: Accepting,
  ) {
    this.#config = config;
    this.#read = config;
    this.log = log;
    this.fleet = fleet;
    this.#accepting = accepting;
    this.#readConfig = readConfig;
    this.#onReloadFailed = onReloadFailed;
    this.#onStop = onStop;
    this.#watch = watch;
  }

  /** Binds. @throws HeddleError LISTEN_*, TLS_BAD */
  static async create(options: ArbiterOptions): Promise<Arbiter> {
    readTls(options.config);
    const fleet = new Fleet();
    return new Arbiter(options, fleet, await Accepting.bind(options.config, options.log, fleet));
  }

  get config(): ServerConfig {
    return this.#current?.config ?? this.#config;
  }

  get urls(): readonly string[] {
    return this.#current === undefined ? [] : this.#accepting.urls;
  }

  get app(): AppSummary | undefined {
    return this.#current?.app;
  }

  /** 0: none has booted yet. */
  get generation(): number {
    return this.#current?.number ?? 0;
  }

  /** A stop was asked for; it may still be delayed. */
  get stopping(): boolean {
    return this.#stopped !== undefined;
  }

  /** How much of the stop delay is left; undefined: none runs. */
  get stopsInMs(): number | undefined {
    if (this.#stopsAtMs === undefined) return undefined;
    return Math.max(0, Math.round(this.#stopsAtMs - monotonicMs()));
  }

  /** Whether a request would be answered now: see server/control/health.ts. */
  get ready(): boolean {
    return !this.stopping && this.fleet.answers;
  }

  get live(): boolean {
    return this.fleet.live;
  }

  /** Connections that wait here for a worker. */
  get waiting(): number {
    return this.#accepting.waiting;
  }

  /** Connections that no worker has seen, because too many waited or one waited too long. */
  get shed(): number {
    return this.#accepting.shed;
  }

  /** Boots the first generation. Resolves when it answers; rejects with the reason when it does not boot. */
  start(): Promise<Done> {
    return this.#command(() => this.#load(() => this.#takeOver(this.#config, () => {})));
  }

  /**
   * Resolves when a generation serves whose loading began after this call; several calls may share one.
   * @throws HeddleError RELOAD_FAILED
   */
  reload(progress: Progress): Promise<Reloaded> {
    return this.#reloads.ask(progress);
  }

  /** Resolves when as many workers serve. @throws HeddleError CONFIG_BAD_VALUE, or why a new one did not boot */
  scale(to: (workers: number) => number, progress: Progress): Promise<Done & { readonly workers: number }> {
    return this.#command(async () => {
      const generation = this.#current;
      if (generation === undefined) {
        throw new HeddleError("CONTROL_UNAVAILABLE", "cannot scale: the app has not booted yet, so no worker serves.");
      }
      const from = generation.config.workers;
      const workers = to(from);
      if (!Number.isInteger(workers) || workers < 1) {
        throw new HeddleError(
          "CONFIG_BAD_VALUE",
          `cannot scale from ${from} to ${workers} workers: there must be at least 1.`,
        );
      }
      if (workers > from) progress(`starting ${workers - from} more`);
      if (workers > from) await this.#accepting.adapt({ ...generation.config, workers });
      const { drained } = await generation.resize(workers);
      await this.#accepting.adapt(generation.config);
      if (workers < from) progress(`retiring ${from - workers}`);
      this.log.info({ from, workers }, `scaled from ${from} to ${workers} workers`);
      return { workers, drained };
    });
  }

  /** Drains and ends everything. Resolves to how many workers had to be cut short. */
  stop(progress: Progress): Promise<number> {
    return (this.#stopped ??= this.#stop(progress));
  }

  /** Ends everything at once. */
  kill(): void {
    this.#stopped ??= Promise.resolve(0);
    this.fleet.killAll();
    this.#ticketKeys.stop();
    this.#accepting.close();
  }

  async #stop(progress: Progress): Promise<number> {
    void this.#next?.retire("stop", monotonicMs() + this.config.gracefulTimeoutMs);
    await this.#delayStop(progress);
    const { gracefulTimeoutMs } = this.config;
    const startedMs = monotonicMs();
    progress(`stopping ${count(this.fleet.workers.length, "worker")}, for at most ${gracefulTimeoutMs} ms`);
    this.#onStop();
    this.fleet.stopSoon(gracefulTimeoutMs);
    const lineMs = gracefulTimeoutMs - reserveOf(gracefulTimeoutMs);
    await this.#accepting.finish(this.#current === undefined ? 0 : lineMs);
    const cut = await this.fleet.retire("stop", startedMs + gracefulTimeoutMs);
    // The command that was interrupted ends now, and may have somebody to tell.
    await Promise.race([this.#commands, new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS))]);
    this.kill();
    return cut;
  }

  /** While whoever balances load learns from /readyz that this server leaves, everything that comes is served as before. */
  async #delayStop(progress: Progress): Promise<void> {
    const { stopDelayMs } = this.config;
    if (stopDelayMs === 0 || this.#current === undefined) return;
    progress(`serving for ${stopDelayMs} ms more (--stop-delay); /readyz fails from now on`);
    this.#stopsAtMs = monotonicMs() + stopDelayMs;
    await sleep(stopDelayMs);
    this.#stopsAtMs = undefined;
  }

  async #load<T>(run: () => Promise<T>): Promise<T> {
    this.#watch?.begins();
    let isOk = false;
    try {
      const loaded = await run();
      isOk = true;
      return loaded;
    } finally {
      this.#watch?.ended(isOk);
    }
  }

  async #reload(progress: Progress): Promise<Reloaded> {
    const generation = this.generation + 1;
    try {
      const { drained } = await this.#load(async () => this.#takeOver(await this.#planReload(), progress));
      this.lastReload = { at: new Date().toISOString(), generation, ok: true };
      return { generation, drained };
    } catch (cause) {
      const error = this.#reloadFailed(generation, cause);
      this.lastReload = { at: new Date().toISOString(), generation, ok: false, error: toWire(error) };
      this.#onReloadFailed(error);
      throw error;
    }
  }

  async #planReload(): Promise<ServerConfig> {
    const read = await this.#readConfig();
    const { config, needRestart } = planReload(this.config, this.#read, read);
    if (needRestart.length > 0) {
      this.log.warn({ settings: needRestart }, `changed, but only a restart can apply it: ${needRestart.join(", ")}`);
    }
    this.#read = read;
    return config;
  }

  /** Boots a generation beside the current one and lets it serve; from then on it is the current one. */
  async #takeOver(config: ServerConfig, progress: Progress): Promise<Done> {
    const old = this.#current;
    const number = this.generation + 1;
    const next = this.#makeGeneration(number, config);
    this.#refuseWhileStopping();
    this.#next = next;
    progress(`generation ${number}: starting ${count(config.workers, "worker")}`);
    try {
      await next.boot();
      progress(`generation ${number}: ready`);
      const addresses = await next.serve();
      if (this.#current === undefined) this.#accepting.noteAddresses(addresses);
      await this.#accepting.adapt(config);
      this.#refuseWhileStopping();
    } catch (error) {
      void next.retire("recycle", monotonicMs() + config.gracefulTimeoutMs);
      throw error;
    } finally {
      this.#next = undefined;
      if (next.modules.length > 0) this.modules = next.modules;
    }
    this.#current = next;
    if (config.tlsCert !== undefined) this.#ticketKeys.rotateEvery(config.tlsTicketRotationMs);
    if (old === undefined) return { drained: Promise.resolve(0) };
    progress(`generation ${number}: serving; draining ${count(old.config.workers, "old worker")}`);
    const deadlineMs = monotonicMs() + old.config.gracefulTimeoutMs;
    const drained = old.retire("reload", deadlineMs);
    // Who watches for changes wants to see them: an idle connection would still lead to the old code.
    if (config.watch) setTimeout(() => void old.retire("stop", deadlineMs), WATCH_PATIENCE_MS);
    return { drained };
  }

  #makeGeneration(number: number, config: ServerConfig): Generation {
    const tls = readTls(config);
    return new Generation({
      number,
      config,
      tls,
      ticketKeys: () => this.#ticketKeys.current,
      surroundings: settle(config, (message) => this.log.warn({}, message)),
      fleet: this.fleet,
      log: this.log,
      address: this.#accepting.address,
      inherited: (slot, current) => this.#accepting.inherited(slot, current),
    });
  }

  #reloadFailed(generation: number, cause: unknown): HeddleError {
    if (this.stopping) {
      return new HeddleError("RELOAD_FAILED", `generation ${generation} was given up: the server is stopping`, {
        cause,
        hint: "Start the server again: it will load the new code.",
      });
    }
    const hint = this.#current === undefined ? "Nothing serves yet." : `Generation ${this.generation} serves on.`;
    const message = `generation ${generation} did not get ready: ${messageOf(cause)}`;
    return new HeddleError("RELOAD_FAILED", message, { cause, hint });
  }

  #refuseWhileStopping(): void {
    if (this.stopping) throw new HeddleError("CONTROL_UNAVAILABLE", "the server is stopping");
  }

  #command<T>(run: () => Promise<T>): Promise<T> {
    const outcome = this.#commands.then(() => {
      this.#refuseWhileStopping();
      return run();
    });
    this.#commands = outcome.catch(() => {});
    return outcome;
  }
}

const WATCH_PATIENCE_MS = 500;
const LAST_WORDS_MS = 1000;

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
