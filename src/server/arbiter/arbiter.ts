/**
 * The parent process: owns the sockets, the workers and the control socket. It never runs user code.
 *
 *   start  → bind → first generation boots → serve
 *   reload → next generation boots beside the old one → all ready → it serves → the old one drains
 *   scale  → more slots, or fewer
 *   stop   → serve until the stop delay is over → close the sockets → drain everything → exit
 *
 * The first three are commands. One runs at a time, in the order they came. Reloads requested while one runs become one more
 * reload. It loads the code as it is then, and all callers get its outcome. A drain runs beside the next command, because a
 * client that keeps its connection busy must not delay a reload. `stop` does not queue: it aborts the running command, which
 * fails, and the waiting ones. A reload that fails changes nothing: the old generation keeps serving, and `status` shows the
 * reason.
 */

import { setTimeout as sleep } from "node:timers/promises";
import type { ServerConfig } from "../../config/config.ts";
import { HeddleError, messageOf, toWire, type WireError } from "../../errors/errors.ts";
import { monotonicMs } from "../../kit/clock.ts";
import type { Log } from "../../log/log.ts";
import { isEncrypted } from "../../platform/app-servers.ts";
import { reserveOf } from "../worker/serving/drain-times.ts";
import type { AppSummary } from "../worker/serving/serving-protocol.ts";
import { Accepting } from "./accept/accepting.ts";
import { AppSockets } from "./accept/app-sockets.ts";
import { Fleet } from "./workers/fleet.ts";
import { Roster } from "./workers/roster.ts";
import { Generation } from "./workers/generation.ts";
import { planReload } from "./reload.ts";
import { type Progress, CoalescedCommand } from "./coalesced-command.ts";
import { settle } from "./workers/surroundings.ts";
import { SharedServer } from "./shared/shared-server.ts";
import { TicketKeys } from "./ticket-keys.ts";
import { readTls } from "./tls.ts";

export interface LastReload {
  readonly at: string;
  readonly generation: number;
  readonly ok: boolean;
  readonly error?: WireError;
}

/** Is notified before and after the app is loaded. After it, `modules` is up to date. */
export interface LoadWatch {
  begins(): void;
  ended(isOk: boolean): void;
}

/** The command has taken effect. When the old workers are gone, `drained` resolves to the number that were cut short. */
export interface Done {
  readonly drained: Promise<number>;
}

export interface Reloaded extends Done {
  readonly generation: number;
}

export interface ArbiterOptions {
  readonly config: ServerConfig;
  readonly log: Log;
  /** Reads the configuration again, for a reload. */
  readonly readConfig: () => Promise<ServerConfig>;
  /** The operator must learn of it, whoever asked for the reload. */
  readonly onReloadFailed: (error: HeddleError) => void;
  /** The stop delay, if any, is over: from now on connections are refused. */
  readonly onStop: () => void;
  readonly watch?: LoadWatch | undefined;
}

export class Arbiter {
  readonly fleet: Fleet;
  readonly log: Log;
  readonly startedAt: Date = new Date();
  /** The app's own files as last reported, also by a generation that did not boot. */
  modules: readonly string[] = [];
  lastReload: LastReload | undefined;
  /** What `heddle/shared` keeps. It lives as long as the server. */
  readonly shared: SharedServer;
  readonly #accepting: Accepting;
  readonly #appSockets: AppSockets;
  readonly #roster: Roster;
  readonly #readConfig: () => Promise<ServerConfig>;
  readonly #onReloadFailed: (error: HeddleError) => void;
  readonly #onStop: () => void;
  readonly #watch: LoadWatch | undefined;
  /** Kept across reloads, because the clients stay the same. */
  readonly #ticketKeys = new TicketKeys((keys) => {
    for (const worker of this.fleet.workers) worker.tellTicketKeys(keys);
  });
  /** The configuration as last read with success. */
  #read: ServerConfig;
  #config: ServerConfig;
  #current: Generation | undefined;
  /** The generation that boots or takes over now. */
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
    shared: SharedServer,
  ) {
    this.#config = config;
    this.#read = config;
    this.log = log;
    this.fleet = fleet;
    this.#roster = new Roster(fleet);
    this.#accepting = accepting;
    this.#appSockets = new AppSockets(fleet, log, () => this.config.workers);
    this.shared = shared;
    this.#readConfig = readConfig;
    this.#onReloadFailed = onReloadFailed;
    this.#onStop = onStop;
    this.#watch = watch;
  }

  /** Binds. @throws HeddleError LISTEN_*, TLS_BAD */
  static async create(options: ArbiterOptions): Promise<Arbiter> {
    readTls(options.config);
    const { config, log } = options;
    const fleet = new Fleet();
    const accepting = await Accepting.bind(config, log, fleet);
    return new Arbiter(options, fleet, accepting, await SharedServer.open(config, log));
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

  /** A stop was requested. It may still be delayed. */
  get stopping(): boolean {
    return this.#stopped !== undefined;
  }

  /** The rest of the stop delay. undefined: none runs. */
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

  /** Connections refused before a worker saw them, because too many waited or one waited too long. */
  get shed(): number {
    return this.#accepting.shed;
  }

  /** Boots the first generation. Resolves when it answers. Rejects with the reason if it does not boot. */
  start(): Promise<Done> {
    return this.#command(() => this.#load(() => this.#takeOver(this.#config, () => {})));
  }

  /**
   * Resolves when a generation serves whose loading began after this call. Several calls may share one.
   * @throws HeddleError RELOAD_FAILED
   */
  reload(progress: Progress): Promise<Reloaded> {
    return this.#reloads.ask(progress);
  }

  /** Resolves when that many workers serve. @throws HeddleError CONFIG_BAD_VALUE, or why a new one did not boot */
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

  /** Drains and ends everything. Resolves to the number of workers that were cut short. */
  stop(progress: Progress): Promise<number> {
    return (this.#stopped ??= this.#stop(progress));
  }

  /** Ends everything at once. */
  kill(): void {
    this.#stopped ??= Promise.resolve(0);
    this.fleet.killAll();
    this.#ticketKeys.stop();
    this.#appSockets.close();
    this.#accepting.close();
    this.shared.close();
    this.#roster.close();
  }

  async #stop(progress: Progress): Promise<number> {
    void this.#next?.retire("stop", monotonicMs() + this.config.gracefulTimeoutMs);
    await this.#delayStop(progress);
    const { gracefulTimeoutMs } = this.config;
    const startedMs = monotonicMs();
    progress(`stopping ${count(this.fleet.workers.length, "worker")}, for at most ${gracefulTimeoutMs} ms`);
    this.#onStop();
    // All of them leave: each request is served where it is.
    this.#roster.follow(0);
    this.fleet.stopSoon(gracefulTimeoutMs);
    const lineMs = gracefulTimeoutMs - reserveOf(gracefulTimeoutMs);
    // The workers go on accepting there until they drain.
    this.#appSockets.close();
    await this.#accepting.finish(this.#current === undefined ? 0 : lineMs);
    const cut = await this.fleet.retire("stop", startedMs + gracefulTimeoutMs);
    // The interrupted command ends now, and may still have to tell its caller.
    await Promise.race([this.#commands, new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS))]);
    this.kill();
    return cut;
  }

  /** Load balancers learn from /readyz that this server leaves. Until they have, it serves everything as before. */
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

  /** Boots a generation beside the current one and lets it serve. Then it is the current one. */
  async #takeOver(config: ServerConfig, progress: Progress): Promise<Done> {
    const old = this.#current;
    const number = this.generation + 1;
    const next = this.#makeGeneration(number, config);
    this.#refuseWhileStopping();
    const stopsFirst = config.reload === "stop-first" && old !== undefined;
    const cut = stopsFirst ? await this.#stopFirst(old, progress) : 0;
    this.#refuseWhileStopping();
    this.#next = next;
    progress(`generation ${number}: starting ${count(config.workers, "worker")}`);
    try {
      await next.boot();
      progress(`generation ${number}: ready`);
      // Before its workers take connections.
      this.#roster.follow(number);
      const addresses = await next.serve();
      if (this.#current === undefined) this.#accepting.noteAddresses(addresses);
      this.#accepting.serves(next.app?.protocol);
      await this.#accepting.adapt(config);
      this.#refuseWhileStopping();
    } catch (error) {
      void next.retire("recycle", monotonicMs() + config.gracefulTimeoutMs);
      if (stopsFirst && !this.stopping) this.#keepTrying(number, config);
      if (!this.stopping) this.#roster.follow(this.generation);
      throw error;
    } finally {
      this.#next = undefined;
      if (next.modules.length > 0) this.modules = next.modules;
    }
    this.#current = next;
    if (config.tlsCert !== undefined || isEncrypted(next.app?.protocol))
      this.#ticketKeys.rotateEvery(config.tlsTicketRotationMs);
    if (old === undefined || stopsFirst) return { drained: Promise.resolve(cut) };
    progress(`generation ${number}: serving; draining ${count(old.config.workers, "old worker")}`);
    // Under --watch, changes must show soon: an idle connection would still lead to the old code.
    return { drained: this.#retire(old, config.watch) };
  }

  /** `isHurried`: it does not wait for idle connections. */
  #retire(old: Generation, isHurried: boolean): Promise<number> {
    const deadlineMs = monotonicMs() + old.config.gracefulTimeoutMs;
    const drained = old.retire("reload", deadlineMs);
    if (isHurried) setTimeout(() => void old.retire("stop", deadlineMs), IDLE_PATIENCE_MS);
    return drained;
  }

  /** Resolves when it has ended, to the number of its workers that were cut short. Connections wait for the next one. */
  #stopFirst(old: Generation, progress: Progress): Promise<number> {
    progress(`generation ${old.number}: draining ${count(old.config.workers, "worker")} first (--reload stop-first)`);
    return this.#retire(old, true);
  }

  /** Nothing serves any more. What has failed to boot may boot later: when the code is right, or what it needs is there. */
  #keepTrying(number: number, config: ServerConfig): void {
    this.#current = this.#makeGeneration(number, config);
    this.#current.keepTrying();
  }

  #makeGeneration(number: number, config: ServerConfig): Generation {
    const tls = readTls(config);
    return new Generation({
      number,
      config,
      tls,
      ticketKeys: () => this.#ticketKeys.current,
      surroundings: settle(config, (message) => this.log.warn({}, message)),
      sharedPlace: this.shared.place,
      fleet: this.fleet,
      log: this.log,
      address: this.#accepting.address,
      hop: this.#roster.access,
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
    const hint = this.#whoServes();
    const message = `generation ${generation} did not get ready: ${messageOf(cause)}`;
    return new HeddleError("RELOAD_FAILED", message, { cause, hint });
  }

  #whoServes(): string {
    const current = this.#current;
    if (current === undefined) return "Nothing serves yet.";
    if (current.config.reload === "start-first") return `Generation ${current.number} keeps serving.`;
    return "Nothing serves now: the old generation has ended (--reload stop-first). Connections wait while heddle tries again, ever more slowly. A reload tries at once.";
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

const IDLE_PATIENCE_MS = 500;
const LAST_WORDS_MS = 1000;

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
