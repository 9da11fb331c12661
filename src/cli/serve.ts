/**
 * `heddle serve`: the arbiter's process.
 *
 * settings → pid file → bind → signals → health port, control socket → first generation → "listening on …"
 * → signals and commands → stop → exit
 */

import { relative } from "node:path";
import { count } from "../errors/count.ts";
import { Arbiter } from "../server/arbiter/arbiter.ts";
import { reapOrphans } from "../server/arbiter/init.ts";
import { ARBITER_TITLE, claimPidFile, STOPPING_TITLE } from "../server/arbiter/pid-file.ts";
import type { Progress } from "../server/arbiter/coalesced-command.ts";
import { installSignals, wantedAfter } from "../server/arbiter/signals.ts";
import { ModuleWatch } from "../server/arbiter/watch/app-watch.ts";
import type { ServerConfig } from "../config/config.ts";
import { openHealthPort } from "../server/control/health.ts";
import { ControlServer } from "../server/control/server.ts";
import { HeddleError } from "../errors/errors.ts";
import { createLog, errorFields, type Log } from "../log/log.ts";
import { printError } from "./output.ts";
import { type ParsedCommand, readSettings } from "./settings.ts";

export async function serve(argv: readonly string[]): Promise<void> {
  const settings = await readSettings(argv);
  if (settings === undefined) return;
  const { config, warnings } = settings;
  process.title = ARBITER_TITLE;
  process.on("unhandledRejection", dieOfOwnFault);
  const log = createLog({ format: config.logFormat, level: config.logLevel, base: { pid: process.pid } });
  for (const warning of warnings) log.warn({}, warning);
  if (process.pid === 1) await reapOrphans(log);
  await new Server(settings, log).run();
}

interface Closable {
  close(): void;
}

class Server {
  readonly #config: ServerConfig;
  readonly #log: Log;
  readonly #again: () => Promise<ServerConfig>;
  readonly #closables: Closable[] = [];
  #arbiter: Arbiter | undefined;
  #control: ControlServer | undefined;
  /** Of the SIGTTIN and SIGTTOU that wait for their turn. */
  #steps: (1 | -1)[] | undefined;
  #announced = false;
  #found: string | undefined;
  #exiting = false;

  constructor({ config, again }: ParsedCommand, log: Log) {
    this.#config = config;
    this.#log = log;
    this.#again = again;
  }

  async run(): Promise<void> {
    const config = this.#tellFound(this.#config);
    try {
      if (config.pidFile !== undefined) {
        const file = claimPidFile(config.pidFile);
        this.#closables.push({ close: () => file.release() });
      }
      const arbiter = await Arbiter.create({
        config,
        log: this.#log,
        readConfig: async () => this.#tellFound(await this.#again()),
        onReloadFailed: (error) => this.#tellFailure(error),
        onStop: () => (process.title = STOPPING_TITLE),
        watch: config.watch ? this.#watch() : undefined,
      });
      this.#arbiter = arbiter;
      const logged = (line: string): void => this.#log.info({}, line);
      installSignals({
        stop: () => void this.#stop(arbiter, logged),
        stopNow: () => this.#stopNow(),
        reload: () => void this.#reload(arbiter, this.#onHangUp),
        scale: (by) => void this.#scale(arbiter, by),
        tellUnknown: (signal) =>
          this.#log.warn({ signal }, `${signal} has no meaning here and is ignored: SIGHUP reloads, SIGTERM stops`),
      });
      await this.#open(arbiter);
      await this.#boot(arbiter);
    } catch (error) {
      // A stop came during the start: the stop ends the process.
      if (this.#arbiter?.stopping === true) return;
      this.#close();
      throw error;
    }
  }

  /** Which app was found, and why: once, and again if a reload finds another one. */
  #tellFound(config: ServerConfig): ServerConfig {
    const told = config.found && `app: ${relative(config.cwd, config.app)} (${config.found.reason})`;
    if (told !== undefined && told !== this.#found) this.#log.info({ app: config.app }, told);
    this.#found = told;
    return config;
  }

  /** Health and control answer from the beginning, so that a slow boot can be watched. */
  async #open(arbiter: Arbiter): Promise<void> {
    const { control, healthPort, healthHost } = this.#config;
    if (healthPort !== undefined) {
      const health = await openHealthPort(arbiter, healthHost, healthPort);
      this.#closables.push(health);
      this.#log.info({ url: health.url }, `health on ${health.url}/livez and /readyz`);
    }
    if (control === "off") return;
    try {
      this.#control = await ControlServer.open(arbiter, (progress) => this.#stop(arbiter, progress), control);
      this.#closables.push(this.#control);
    } catch (error) {
      // A socket given with --control must work; the default one may be missing in a read-only container.
      if (control !== undefined) throw error;
      this.#log.warn(errorFields(error), `${(error as Error).message} The server runs without it.`);
    }
  }

  async #boot(arbiter: Arbiter): Promise<void> {
    try {
      await arbiter.start();
      this.#announce(arbiter);
    } catch (error) {
      if (!this.#config.watch || arbiter.modules.length === 0 || arbiter.stopping) throw error;
      printError(error);
      this.#log.warn({}, "waiting for a change in the app's files");
    }
  }

  /** Prints one line per listener, once, when the server can answer requests. */
  #announce(arbiter: Arbiter): void {
    if (this.#announced) return;
    this.#announced = true;
    for (const url of arbiter.urls) process.stdout.write(`listening on ${url}\n`);
  }

  #watch(): ModuleWatch {
    const watch = new ModuleWatch({
      log: this.#log,
      paths: () => this.#watched(),
      onChange: (files) => {
        this.#log.info({ files }, `changed: ${files.join(", ")}`);
        void this.#reload(this.#arbiter!, this.#onWatch);
      },
    });
    this.#closables.push(watch);
    return watch;
  }

  /** The files that the last load used, and the configured names, whose targets may change. */
  #watched(): readonly string[] {
    const arbiter = this.#arbiter!;
    const { app, configFile, envFiles = [], found } = arbiter.config;
    const foundBy = [...(found?.envFiles ?? []), ...(found?.basis === undefined ? [] : [found.basis])];
    return [...arbiter.modules, app, ...(configFile === undefined ? [] : [configFile]), ...envFiles, ...foundBy];
  }

  /** One function per source: if several signals become one reload, each of its lines is logged once. */
  readonly #onHangUp = (line: string): void => this.#log.info({}, `reload (SIGHUP): ${line}`);
  readonly #onWatch = (line: string): void => this.#log.info({}, `reload (--watch): ${line}`);

  async #reload(arbiter: Arbiter, progress: Progress): Promise<void> {
    try {
      await arbiter.reload(progress);
      this.#announce(arbiter);
    } catch (error) {
      // The arbiter has already logged this failure.
      if (!(error instanceof HeddleError)) throw error;
    }
  }

  #tellFailure(error: HeddleError): void {
    if (this.#config.logFormat === "pretty") printError(error);
    else this.#log.error(errorFields(error), error.message);
  }

  /** Those that come while a command runs are one command: their workers boot together, and one that fails is told once. */
  async #scale(arbiter: Arbiter, by: 1 | -1): Promise<void> {
    if (this.#steps !== undefined) return void this.#steps.push(by);
    const steps = (this.#steps = [by]);
    const begins = (): void => {
      if (this.#steps === steps) this.#steps = undefined;
    };
    const progress = (line: string): void => this.#log.info({}, `scale: ${line}`);
    try {
      await arbiter
        .scale((workers) => {
          begins();
          return wantedAfter(workers, steps);
        }, progress)
        .finally(begins);
      const { workers, serving } = await arbiter.settled(progress);
      if (serving < workers)
        this.#log.warn(
          { workers, serving },
          `scale: ${serving} of ${count(workers, "worker")} served within --boot-timeout`,
        );
    } catch (error) {
      this.#log.error(errorFields(error), `scale: ${(error as Error).message}`);
    }
  }

  /** Resolves to the number of workers whose requests were cut; then the process ends. */
  #stop(arbiter: Arbiter, progress: (line: string) => void): Promise<number> {
    const isFirst = !arbiter.stopping;
    const stopped = arbiter.stop(progress);
    if (isFirst) void stopped.then((cut) => this.#exit(cut > 0 ? 1 : 0));
    return stopped;
  }

  #stopNow(): void {
    this.#log.warn({}, "interrupted a second time: stopping at once");
    this.#close();
    process.exit(1);
  }

  async #exit(code: number): Promise<void> {
    if (this.#exiting) return;
    this.#exiting = true;
    await this.#control?.finish();
    this.#close();
    process.exit(code);
  }

  #close(): void {
    for (const closable of this.#closables.splice(0)) closable.close();
    this.#arbiter?.kill();
  }
}

/** An unexpected error is a fault in the arbiter: it is printed whole, and the workers end after the arbiter. */
function dieOfOwnFault(cause: unknown): void {
  // A config file that would have ended the process. Its load has failed with the same error.
  if (cause instanceof HeddleError && cause.code === "CONFIG_FILE_FAILED") return;
  printError(new HeddleError("INTERNAL", "the arbiter failed; this is a fault in heddle", { cause }));
  process.exit(1);
}
