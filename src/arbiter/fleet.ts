/**
 * The arbiter's workers: spawn, reap, replace, retire. One worker per slot serves; beside it there may be one that
 * starts (its replacement, or the next generation's) and any number that drain.
 *
 * Invariants
 * - A slot whose worker died unexpectedly gets a new one, after the restart policy's delay.
 * - A worker is retired (recycling, reload, scale) only when what takes over serves already.
 * - A worker whose acceptor is silent for the heartbeat timeout is killed: it is stopped or starved, and would hold its
 *   connections forever.
 */

import { EventEmitter } from "node:events";
import type { ServerConfig } from "../config/config.ts";
import { HeddleError } from "../errors/errors.ts";
import { monotonicMs } from "../fabric/load-board.ts";
import { errorFields, type Log } from "../log/log.ts";
import { RestartPolicy } from "../worker/restart-policy.ts";
import type { WorkerReport } from "../worker/protocol.ts";
import type { DrainReason, ListenerAddress } from "../worker/thread-protocol.ts";
import type { Listeners } from "./listeners.ts";
import { share } from "./shares.ts";
import { WorkerHandle } from "./worker-handle.ts";

interface FleetEvents {
  /** A worker has begun to take connections. */
  serving: [worker: WorkerHandle];
  gone: [worker: WorkerHandle];
}

export interface FleetOptions {
  readonly listeners: Listeners;
  readonly log: Log;
  /** Whether the arbiter accepts, so that workers need no listening socket. */
  readonly arbiterAccepts: () => boolean;
}

const HEARTBEAT_CHECK_MS = 500;
/** Over the worker's own limits, which end in an orderly way and can say more. */
const MARGIN_MS = 2000;

export class Fleet extends EventEmitter<FleetEvents> {
  readonly #options: FleetOptions;
  readonly #workers = new Set<WorkerHandle>();
  readonly #policy = new RestartPolicy(monotonicMs());
  #leaving = false;
  /** Workers replaced because they died, since start. */
  restarts = 0;
  /** What workers that are gone had counted. */
  readonly departed: WorkerReport[] = [];

  constructor(options: FleetOptions) {
    super();
    this.#options = options;
    let checkedMs = monotonicMs();
    setInterval(() => {
      const nowMs = monotonicMs();
      // If this process itself was stopped, nobody's silence means anything.
      if (nowMs - checkedMs < 2 * HEARTBEAT_CHECK_MS) this.#killSilent(nowMs);
      else for (const worker of this.#workers) worker.beatMs = nowMs;
      checkedMs = nowMs;
    }, HEARTBEAT_CHECK_MS);
  }

  get workers(): readonly WorkerHandle[] {
    return [...this.#workers];
  }

  /** Those that take connections, by slot. */
  get serving(): readonly WorkerHandle[] {
    return this.workers.filter(({ state }) => state === "serving").sort((a, b) => a.slot - b.slot);
  }

  /** Spawns a worker. Resolves when it is ready; rejects, with the reason, when it does not get there. */
  spawn(slot: number, generation: number, config: ServerConfig): Promise<WorkerHandle> {
    const { listeners } = this.#options;
    const address: ListenerAddress = listeners.primary;
    const own: ServerConfig = {
      ...config,
      limit: share(config.limit, slot, config.workers),
      queue: share(config.queue, slot, config.workers),
    };
    const inherited = this.#options.arbiterAccepts() ? [] : listeners.inherited(slot);
    const worker = new WorkerHandle({ config: own, slot, generation, address }, inherited);
    this.#workers.add(worker);
    return new Promise((resolve, reject) => {
      const overdue = new HeddleError(
        "BOOT_TIMEOUT",
        `worker ${worker.pid} was not ready within --boot-timeout (${config.bootTimeoutMs} ms)`,
      );
      const timer = setTimeout(() => worker.kill(overdue), config.bootTimeoutMs + MARGIN_MS);
      worker.once("ready", () => {
        clearTimeout(timer);
        this.#supervise(worker, config);
        resolve(worker);
      });
      worker.once("gone", (error) => {
        clearTimeout(timer);
        this.#forget(worker);
        reject(error ?? new HeddleError("WORKER_DIED", `worker ${worker.pid} left before it was ready`));
      });
    });
  }

  /** Lets it take connections. Resolves to its addresses once it does. */
  serve(worker: WorkerHandle): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      worker.once("serving", (urls) => {
        this.emit("serving", worker);
        resolve(urls);
      });
      worker.once("gone", (error) =>
        reject(error ?? new HeddleError("WORKER_DIED", `worker ${worker.pid} left before it served`)),
      );
      worker.serve();
    });
  }

  /** Lets workers finish and waits until they are gone. Resolves to how many had to be killed. */
  async retire(workers: readonly WorkerHandle[], reason: DrainReason, gracefulTimeoutMs: number): Promise<number> {
    let killed = 0;
    await Promise.all(
      workers.map(async (worker) => {
        if (worker.state === "gone") return;
        const gone = new Promise<void>((resolve) => worker.once("gone", () => resolve()));
        const timer = setTimeout(() => {
          killed++;
          worker.kill(
            new HeddleError(
              "WORKER_DIED",
              `worker ${worker.pid} was still busy after --graceful-timeout and was killed`,
            ),
          );
        }, gracefulTimeoutMs + MARGIN_MS);
        if (worker.state === "starting") worker.kill(undefined);
        else worker.drain(reason);
        await gone;
        clearTimeout(timer);
      }),
    );
    return killed;
  }

  /** No replacements from now on. */
  leave(): void {
    this.#leaving = true;
  }

  killAll(): void {
    this.leave();
    for (const worker of this.#workers) worker.kill(undefined);
  }

  #forget(worker: WorkerHandle): void {
    this.#workers.delete(worker);
    if (worker.lastReport !== undefined) this.departed.push(worker.lastReport);
    this.emit("gone", worker);
  }

  #supervise(worker: WorkerHandle, config: ServerConfig): void {
    worker.once("retire-me", (reason, detail) => void this.#recycle(worker, config, `${reason}: ${detail}`));
    worker.once("gone", (error) => {
      if (error === undefined || this.#leaving || worker.replaced) return;
      this.#options.log.error(
        { worker: worker.pid, slot: worker.slot, ...errorFields(error) },
        `${error.message}; a new one takes its place`,
      );
      this.restarts++;
      this.#replaceAfterDeath(worker, config, monotonicMs() - worker.readyMs!);
    });
  }

  #replaceAfterDeath({ slot, generation }: WorkerHandle, config: ServerConfig, readyForMs: number | undefined): void {
    const delayMs = this.#policy.died(monotonicMs(), readyForMs);
    const { log } = this.#options;
    if (delayMs > 0) log.warn({ slot, delayMs }, `workers keep dying; the next try is in ${delayMs} ms`);
    setTimeout(async () => {
      if (this.#leaving || this.#isTaken(slot, generation)) return;
      try {
        const worker = await this.spawn(slot, generation, config);
        if (this.#isTaken(slot, generation, worker)) await this.retire([worker], "recycle", config.gracefulTimeoutMs);
        else await this.serve(worker);
      } catch (error) {
        if (this.#leaving) return;
        const { message } = error as Error;
        log.error({ slot, ...errorFields(error) }, `the new worker did not boot: ${message}`);
        this.#replaceAfterDeath({ slot, generation } as WorkerHandle, config, undefined);
      }
    }, delayMs);
  }

  /** A later generation, or a scale-down, has dealt with the slot in the meantime. */
  #isTaken(slot: number, generation: number, except?: WorkerHandle): boolean {
    return (
      slot >= this.slotLimit ||
      this.workers.some((worker) => worker !== except && worker.slot === slot && worker.generation > generation)
    );
  }

  /** Slots from here on are not filled. */
  slotLimit: number = Infinity;

  async #recycle(worker: WorkerHandle, config: ServerConfig, why: string): Promise<void> {
    const { log } = this.#options;
    if (this.#leaving || worker.replaced || worker.state !== "serving") return;
    worker.replaced = true;
    log.info({ worker: worker.pid, slot: worker.slot }, `worker ${worker.pid} is recycled (${why})`);
    try {
      const next = await this.spawn(worker.slot, worker.generation, config);
      await this.serve(next);
      await this.retire([worker], "recycle", config.gracefulTimeoutMs);
    } catch (error) {
      worker.replaced = false;
      log.error(
        { worker: worker.pid, ...errorFields(error) },
        `worker ${worker.pid} stays: its replacement did not boot: ${(error as Error).message}`,
      );
      setTimeout(() => void this.#recycle(worker, config, why), this.#policy.died(monotonicMs(), undefined));
    }
  }

  #killSilent(nowMs: number): void {
    for (const worker of this.#workers) {
      const { heartbeatTimeoutMs } = worker;
      const silentMs = nowMs - worker.beatMs;
      if (worker.state === "starting" || silentMs < heartbeatTimeoutMs) continue;
      worker.kill(
        new HeddleError(
          "WORKER_DIED",
          `worker ${worker.pid} gave no sign of life for ${Math.round(silentMs)} ms and was killed (--heartbeat-timeout ${heartbeatTimeoutMs} ms)`,
        ),
      );
    }
  }
}
