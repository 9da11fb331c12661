/**
 * `heddle serve`: the arbiter's process.
 *
 * settings → bind → first generation → control socket, health port, pid file → "listening on …" → signals and commands
 * → stop → exit
 */

import { Arbiter } from "../arbiter/arbiter.ts";
import { reapOrphans } from "../arbiter/init.ts";
import { claimPidFile } from "../arbiter/pid-file.ts";
import { installSignals } from "../arbiter/signals.ts";
import { ModuleWatch } from "../arbiter/watch.ts";
import { openHealthPort } from "../control/health.ts";
import { ControlServer } from "../control/server.ts";
import { HeddleError } from "../errors/errors.ts";
import { createLog, errorFields, type Log } from "../log/log.ts";
import { modelNamed } from "../models/registry.ts";
import type { ServerConfig } from "../config/config.ts";
import { describeError, printError } from "./output.ts";
import { type ParsedCommand, readSettings } from "./settings.ts";

export async function serve(argv: readonly string[]): Promise<void> {
  const settings = await readSettings(argv);
  if (settings === undefined) return;
  const { config } = settings;
  process.title = "heddle arbiter";
  modelNamed(config.model, "--model");
  for (const [name, { model }] of Object.entries(config.routes))
    if (model !== undefined) modelNamed(model, `route ${name}`);
  const log = createLog({ format: config.logFormat, level: config.logLevel, base: { pid: process.pid } });
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

  constructor({ config, again }: ParsedCommand, log: Log) {
    this.#config = config;
    this.#log = log;
    this.#again = again;
  }

  async run(): Promise<void> {
    const config = this.#config;
    if (config.pidFile !== undefined) {
      const file = claimPidFile(config.pidFile);
      this.#closables.push({ close: file.release });
    }
    try {
      const arbiter = await Arbiter.create({ config, log: this.#log, readConfig: this.#again });
      this.#arbiter = arbiter;
      installSignals({
        stop: () => void this.#stop(),
        stopNow: () => this.#stopNow(),
        reload: () => void this.#reload("SIGHUP"),
        scale: (by) => void this.#scale(by),
      });
      await this.#open(arbiter);
      const watch = config.watch ? this.#watch(arbiter) : undefined;
      await this.#boot(arbiter, watch);
    } catch (error) {
      this.#close();
      throw error;
    }
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
      this.#closables.push(await ControlServer.open(arbiter, () => this.#exit(0), control));
    } catch (error) {
      // One that was asked for must be there; the default one is a convenience that a read-only container may lack.
      if (control !== undefined) throw error;
      this.#log.warn(errorFields(error), `${(error as Error).message} The server runs without it.`);
    }
  }

  async #boot(arbiter: Arbiter, watch: ModuleWatch | undefined): Promise<void> {
    try {
      await arbiter.start();
      for (const url of arbiter.urls) process.stdout.write(`listening on ${url}\n`);
    } catch (error) {
      if (arbiter.stopping) return;
      if (watch === undefined || arbiter.modules.length === 0) throw error;
      printError(error);
      this.#log.warn({}, "waiting for a change of the app's files");
    }
    watch?.watch(arbiter.modules);
  }

  #watch(arbiter: Arbiter): ModuleWatch {
    const watch = new ModuleWatch((files) => {
      this.#log.info({ files }, `changed: ${files.join(", ")}`);
      if (arbiter.generation === 0) void this.#boot(arbiter, watch).catch(printError);
      else void this.#reload("--watch").finally(() => watch.watch(arbiter.modules));
    });
    this.#closables.push(watch);
    return watch;
  }

  async #reload(why: string): Promise<void> {
    const progress = (line: string): void => this.#log.info({}, `reload (${why}): ${line}`);
    try {
      await this.#arbiter!.reload(progress);
    } catch (error) {
      process.stderr.write(`heddle: ${describeError(error)}\n`);
    }
  }

  async #scale(by: 1 | -1): Promise<void> {
    try {
      await this.#arbiter!.scale(
        (workers) => Math.max(1, workers + by),
        (line) => this.#log.info({}, `scale: ${line}`),
      );
    } catch (error) {
      this.#log.error(errorFields(error), `scale: ${(error as Error).message}`);
    }
  }

  async #stop(): Promise<void> {
    if (this.#arbiter!.stopping) return;
    await this.#arbiter!.stop((line) => this.#log.info({}, line));
    await this.#exit(0);
  }

  #stopNow(): void {
    this.#log.warn({}, "interrupted a second time: stopping at once");
    this.#arbiter!.kill();
    void this.#exit(1);
  }

  #exit(code: number): Promise<never> {
    this.#close();
    process.exit(code);
  }

  #close(): void {
    for (const closable of this.#closables.splice(0)) closable.close();
    this.#arbiter?.kill();
  }
}

/** What the arbiter does not expect is a fault of its own: told whole, and the workers leave when it is gone. */
process.on("unhandledRejection", (error) => {
  printError(new HeddleError("INTERNAL", "the arbiter failed; this is a fault in heddle", { cause: error }));
  process.exit(1);
});
