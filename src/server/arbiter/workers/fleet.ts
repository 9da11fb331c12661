/**
 * Every worker process there is, of whatever generation: spawns, retires, kills and buries them, and watches their
 * heartbeats. Who is to be replaced, and when, is its slot's decision (`slot.ts`).
 *
 * Invariant: a worker whose acceptor is silent for the heartbeat timeout is killed. It is stopped or starved, and would
 * hold its connections forever.
 */

import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { HeddleError } from "../../../errors/errors.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import type { InheritedListener, WorkerBoot } from "../../worker/worker-protocol.ts";
import type { DrainReason } from "../../worker/serving/serving-protocol.ts";
import { RetiredTotals } from "./retired-totals.ts";
import { WorkerHandle } from "./worker-handle.ts";

interface FleetEvents {
  /** A worker has begun to take connections. */
  serving: [worker: WorkerHandle];
  /** A worker has received a connection (under `sync`: begun with it), or has none any more. */
  turn: [worker: WorkerHandle];
  /** A connection that a worker could not place before it left. */
  returned: [socket: Socket];
  gone: [worker: WorkerHandle];
}

const HEARTBEAT_CHECK_MS = 500;
/** Over the worker's own graceful timeout, which ends in an orderly way and can say more. */
const MARGIN_MS = 2000;

export class Fleet extends EventEmitter<FleetEvents> {
  readonly #workers = new Set<WorkerHandle>();
  readonly departed: RetiredTotals = new RetiredTotals();
  /** Workers replaced because they died, since start. */
  restarts = 0;
  readonly #heartbeats: NodeJS.Timeout;

  constructor() {
    super();
    let checkedMs = monotonicMs();
    this.#heartbeats = setInterval(() => {
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

  /** Whether a worker serves and has a thread whose loop turns, as far as it was heard of lately. */
  get answers(): boolean {
    return this.serving.some((worker) => worker.healthyThreads > 0 && isHeard(worker));
  }

  /** Whether a worker was heard of lately, or starts; none at all is a crash loop's pause. */
  get live(): boolean {
    const { workers } = this;
    return workers.length === 0 || workers.some((worker) => worker.state === "starting" || isHeard(worker));
  }

  spawn(
    boot: Omit<WorkerBoot, "type" | "listeners">,
    listeners: readonly InheritedListener[],
    env: NodeJS.ProcessEnv,
  ): WorkerHandle {
    const worker = new WorkerHandle(boot, listeners, env);
    this.#workers.add(worker);
    worker.once("serving", () => this.emit("serving", worker));
    worker.on("turn", () => this.emit("turn", worker));
    worker.on("returned", (socket) => this.emit("returned", socket));
    worker.once("gone", () => {
      this.#workers.delete(worker);
      if (worker.lastReport !== undefined) this.departed.add(worker.lastReport);
      this.emit("gone", worker);
    });
    return worker;
  }

  /** The server stops, and goes on serving those in line until `retire`. */
  stopSoon(gracefulTimeoutMs: number): void {
    const deadlineMs = monotonicMs() + gracefulTimeoutMs;
    for (const worker of this.#workers) worker.drainSoon("stop", deadlineMs);
  }

  /** Lets workers finish and waits until they are gone. Resolves to how many had to be cut short. */
  async retire(workers: readonly WorkerHandle[], reason: DrainReason, gracefulTimeoutMs: number): Promise<number> {
    const deadlineMs = monotonicMs() + gracefulTimeoutMs;
    const cut = await Promise.all(
      workers.map(async (worker) => {
        if (worker.state === "gone") return false;
        const gone = new Promise<void>((resolve) => worker.once("gone", () => resolve()));
        const timer = setTimeout(() => worker.cutShort(), gracefulTimeoutMs + MARGIN_MS);
        if (worker.state === "starting") worker.kill(undefined);
        else worker.drain(reason, deadlineMs);
        await gone;
        clearTimeout(timer);
        return worker.wasCutShort;
      }),
    );
    return cut.filter(Boolean).length;
  }

  killAll(): void {
    clearInterval(this.#heartbeats);
    for (const worker of this.#workers) worker.kill(undefined);
  }

  #killSilent(nowMs: number): void {
    for (const worker of this.#workers) {
      const { heartbeatTimeoutMs } = worker;
      const silentMs = nowMs - worker.beatMs;
      if (heartbeatTimeoutMs === 0 || worker.state === "starting" || silentMs < heartbeatTimeoutMs) continue;
      worker.kill(
        new HeddleError(
          "WORKER_DIED",
          `worker ${worker.pid} gave no sign of life for ${Math.round(silentMs)} ms and was killed (--heartbeat-timeout ${heartbeatTimeoutMs} ms)`,
        ),
      );
    }
  }
}

/** A few heartbeats may be late on a loaded machine. */
const SILENCE_MS = 3000;

function isHeard({ beatMs }: WorkerHandle): boolean {
  return monotonicMs() - beatMs < SILENCE_MS;
}
