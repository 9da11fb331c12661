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
import { count } from "../../errors/count.ts";
import { type ServerConfig, settings } from "../../config/config.ts";
import { HeddleError, messageOf, toWire, type WireError } from "../../errors/errors.ts";
import { monotonicMs } from "../../kit/clock.ts";
import type { Log } from "../../log/log.ts";
import { reserveOf } from "../worker/serving/drain-times.ts";
import type { AppSummary } from "../worker/serving/serving-protocol.ts";
import { Accepting } from "./accept/accepting.ts";
import { AppSockets } from "./accept/app-sockets.ts";
import { Fleet } from "./workers/fleet.ts";
import { Roster } from "./workers/roster.ts";
import { planReload } from "./reload.ts";
import { type Progress, CoalescedCommand } from "./coalesced-command.ts";
import { type ServingCount, untilServing } from "./serving-count.ts";
import { type Done, Succession } from "./succession.ts";
import { ActorServer } from "./actors/actor-server.ts";
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
  lastReload: LastReload | undefined;
  /** What `heddle/shared` keeps. It lives as long as the server. */
  readonly shared: SharedServer;
  /** Where the actors of all workers meet. */
  readonly actors: ActorServer;
  readonly #accepting: Accepting;
  readonly #appSockets: AppSockets;
  readonly #roster: Roster;
  readonly #succession: Succession;
  readonly #readConfig: () => Promise<ServerConfig>;
  readonly #onReloadFailed: (error: HeddleError) => void;
  readonly #onStop: () => void;
  readonly #watch: LoadWatch | undefined;
  /** Kept across reloads, because the clients stay the same. */
  readonly #ticketKeys = new TicketKeys((keys) => {
    for (const worker of this.fleet.workers) worker.tellTicketKeys(keys);
  });
  /** The configuration as it was read for the current generation. What another one has read that did not boot is news again. */
  #read: ServerConfig;
  #config: ServerConfig;
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
    actors: ActorServer,
  ) {
    this.#config = config;
    this.#read = config;
    this.log = log;
    this.fleet = fleet;
    this.#roster = new Roster(fleet);
    this.#accepting = accepting;
    this.#appSockets = new AppSockets(fleet, log, () => this.config.workers);
    this.shared = shared;
    this.actors = actors;
    this.#succession = new Succession({
      fleet,
      log,
      accepting,
      roster: this.#roster,
      ticketKeys: this.#ticketKeys,
      sharedPlace: shared.place,
      actors,
      isStopping: () => this.stopping,
    });
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
    const shared = await SharedServer.open(config, log);
    return new Arbiter(options, fleet, accepting, shared, await ActorServer.open(log));
  }

  get config(): ServerConfig {
    return this.#succession.current?.config ?? this.#config;
  }

  get urls(): readonly string[] {
    return this.#succession.current === undefined ? [] : this.#accepting.urls;
  }

  get app(): AppSummary | undefined {
    return this.#succession.current?.app;
  }

  /** 0: none has booted yet. */
  get generation(): number {
    return this.#succession.number;
  }

  /** The app's own files as last reported, also by a generation that did not boot. */
  get modules(): readonly string[] {
    return this.#succession.modules;
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

  /** Those of the current generation that would answer a request now. */
  get serving(): ServingCount {
    const { workers } = this.config;
    const ours = this.fleet.answering.filter(
      ({ generation, slot }) => generation === this.generation && slot < workers,
    );
    return { workers, serving: ours.length };
  }

  /** Connections that wait here for a worker. */
  get waiting(): number {
    return this.#accepting.waiting;
  }

  /** Whether it has too few descriptors to accept connections. */
  get isFull(): boolean {
    return this.#accepting.isFull;
  }

  /** Connections refused before a worker saw them, because too many waited or one waited too long. */
  get shed(): number {
    return this.#accepting.shed;
  }

  /** Boots the first generation. Resolves when it answers. Rejects with the reason if it does not boot. */
  start(): Promise<Done> {
    return this.#command(() => this.#load(() => this.#succession.takeOver(this.#config, () => {})));
  }

  /**
   * Resolves when a generation serves whose loading began after this call. Several calls may share one.
   * @throws HeddleError RELOAD_FAILED
   */
  reload(progress: Progress): Promise<Reloaded> {
    return this.#reloads.ask(progress);
  }

  /**
   * Resolves when that many workers are wanted, and new ones serve. Old ones may be dead or booting: `settled` waits for them.
   * @throws HeddleError CONFIG_BAD_VALUE, or why a new one did not boot
   */
  scale(to: (workers: number) => number, progress: Progress): Promise<Done & { readonly workers: number }> {
    return this.#command(async () => {
      const generation = this.#succession.current;
      if (generation === undefined) {
        throw new HeddleError("CONTROL_UNAVAILABLE", "cannot scale: the app has not booted yet, so no worker serves.");
      }
      const from = generation.config.workers;
      const workers = to(from);
      if (!Number.isInteger(workers) || workers < 1 || workers > MAX_WORKERS) {
        const why = workers > MAX_WORKERS ? `there can be at most ${MAX_WORKERS}` : "there must be at least 1";
        throw new HeddleError("CONFIG_BAD_VALUE", `cannot scale from ${from} to ${count(workers, "worker")}: ${why}.`);
      }
      if (workers > from) progress(`starting ${workers - from} more`);
      if (workers > from) await this.#accepting.adapt({ ...generation.config, workers });
      let drained: Promise<number>;
      try {
        ({ drained } = await generation.resize(workers));
      } finally {
        // Also if it failed: those that listened already have left, and their sockets would queue connections for nobody.
        await this.#accepting.adapt(generation.config);
      }
      if (workers < from) progress(`retiring ${from - workers}`);
      this.log.info({ from, workers }, `scaled from ${from} to ${count(workers, "worker")}`);
      return { workers, drained };
    });
  }

  /**
   * Resolves when as many workers serve as are wanted, or to how many do when a worker has had the time to boot. It does not keep
   * other commands waiting: a reload may be what helps. @throws HeddleError CONTROL_UNAVAILABLE
   */
  async settled(progress: Progress): Promise<ServingCount> {
    const look = (): ServingCount => {
      this.#succession.refuseWhileStopping();
      return this.serving;
    };
    return await untilServing(look, this.config.bootTimeoutMs, progress);
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
    this.actors.close();
    this.#roster.close();
  }

  async #stop(progress: Progress): Promise<number> {
    this.#succession.giveUpNext(this.config.gracefulTimeoutMs);
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
    await this.#accepting.finish(this.#succession.current === undefined ? 0 : lineMs);
    const cut = await this.fleet.retire("stop", startedMs + gracefulTimeoutMs);
    // The interrupted command ends now, and may still have to tell its caller.
    await Promise.race([this.#commands, new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS))]);
    this.kill();
    return cut;
  }

  /** Load balancers learn from /readyz that this server leaves. Until they have, it serves everything as before. */
  async #delayStop(progress: Progress): Promise<void> {
    const { stopDelayMs } = this.config;
    if (stopDelayMs === 0 || this.#succession.current === undefined) return;
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
      const { drained } = await this.#load(() => this.#takeOver(progress));
      this.lastReload = { at: new Date().toISOString(), generation, ok: true };
      return { generation, drained };
    } catch (cause) {
      const error = this.#reloadFailed(generation, cause);
      this.lastReload = { at: new Date().toISOString(), generation, ok: false, error: toWire(error) };
      this.#onReloadFailed(error);
      throw error;
    }
  }

  async #takeOver(progress: Progress): Promise<Done> {
    const read = await this.#readConfig();
    const config = this.#planReload(read);
    try {
      return await this.#succession.takeOver(config, progress);
    } finally {
      // Also of one that is tried again from now on (--reload stop-first).
      if (this.#succession.current?.config === config) this.#read = read;
    }
  }

  #planReload(read: ServerConfig): ServerConfig {
    const { config, needRestart } = planReload(this.config, this.#read, read);
    if (needRestart.length > 0) {
      this.log.warn({ settings: needRestart }, `changed, but only a restart can apply it: ${needRestart.join(", ")}`);
    }
    return config;
  }

  #reloadFailed(generation: number, cause: unknown): HeddleError {
    if (this.stopping) {
      return new HeddleError("RELOAD_FAILED", `generation ${generation} was given up: the server is stopping`, {
        cause,
        hint: "Start the server again: it will load the new code.",
      });
    }
    const hint = this.#succession.whoServes;
    const message = `generation ${generation} did not get ready: ${messageOf(cause)}`;
    return new HeddleError("RELOAD_FAILED", message, { cause, hint });
  }

  #command<T>(run: () => Promise<T>): Promise<T> {
    const outcome = this.#commands.then(() => {
      this.#succession.refuseWhileStopping();
      return run();
    });
    this.#commands = outcome.catch(() => {});
    return outcome;
  }
}

const LAST_WORDS_MS = 1000;
/** Not only at the start. */
const MAX_WORKERS = settings.workers.max ?? Infinity;
