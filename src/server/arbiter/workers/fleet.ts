/**
 * All workers, of whatever generation. Used where the generation does not matter: to distribute connections, to report, to
 * end the server. Each generation's pool keeps its own workers running (`generation.ts`).
 */

import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { monotonicMs } from "../../../kit/clock.ts";
import type { SocketWish } from "../../app/listen/app-sockets.ts";
import type { DrainReason } from "../../worker/serving/serving-protocol.ts";
import { RetiredTotals } from "./retired-totals.ts";
import type { WorkerHandle } from "./worker-handle.ts";

interface FleetEvents {
  /** A worker has begun to take connections. */
  serving: [worker: WorkerHandle];
  /** A worker has received a connection (under `sync`: begun it), or has none any more. */
  turn: [worker: WorkerHandle];
  /** A connection that a worker could not place before it left. */
  returned: [socket: Socket];
  /** A connection for the worker with this pid, counted in its row. undefined: its client has left. */
  "pass-on": [socket: Socket | undefined, pid: number];
  "want-socket": [worker: WorkerHandle, id: number, wish: SocketWish];
  "give-up-socket": [worker: WorkerHandle, id: number];
  /** The instances that take requests may have changed. */
  instances: [];
  gone: [worker: WorkerHandle];
}

/** A generation, as the fleet sees it. */
export interface WorkerGroup {
  /** All of its workers leave by the deadline. Resolves to the number that were cut short. */
  retire(reason: DrainReason, deadlineMs: number): Promise<number>;
  /** Ends all of them at once. */
  kill(): void;
}

export class Fleet extends EventEmitter<FleetEvents> {
  readonly #workers = new Set<WorkerHandle>();
  readonly #groups = new Set<WorkerGroup>();
  readonly departed: RetiredTotals = new RetiredTotals();
  /** Workers replaced because they died, since start. */
  restarts = 0;

  get workers(): readonly WorkerHandle[] {
    return [...this.#workers];
  }

  /** The workers that take connections, by slot. */
  get serving(): readonly WorkerHandle[] {
    return this.workers.filter(({ state }) => state === "serving").sort((a, b) => a.slot - b.slot);
  }

  /** Those that serve, have a thread whose loop turns, and were heard from lately. */
  get answering(): readonly WorkerHandle[] {
    return this.serving.filter((worker) => worker.healthyThreads > 0 && worker.isHeard);
  }

  get answers(): boolean {
    return this.answering.length > 0;
  }

  /** Whether a worker was heard from lately, or starts. No workers at all is the pause of a crash loop. */
  get live(): boolean {
    const { workers } = this;
    return workers.length === 0 || workers.some((worker) => worker.state === "starting" || worker.isHeard);
  }

  /** The group stays until all of its workers are gone. */
  join(group: WorkerGroup): void {
    this.#groups.add(group);
  }

  leave(group: WorkerGroup): void {
    this.#groups.delete(group);
  }

  add(worker: WorkerHandle): void {
    this.#workers.add(worker);
    worker.once("serving", () => this.emit("serving", worker));
    for (const change of ["instances", "gone"] as const) worker.on(change, () => this.emit("instances"));
    worker.on("turn", () => this.emit("turn", worker));
    worker.on("returned", (socket) => this.emit("returned", socket));
    worker.on("pass-on", (socket, pid) => this.emit("pass-on", socket, pid));
    worker.on("want-socket", (id, wish) => this.emit("want-socket", worker, id, wish));
    worker.on("give-up-socket", (id) => this.emit("give-up-socket", worker, id));
    worker.once("gone", () => {
      this.#workers.delete(worker);
      if (worker.lastTotals !== undefined) this.departed.add(worker.lastTotals);
      this.emit("gone", worker);
    });
  }

  /** The server stops, but the waiting connections are served until `retire`. */
  stopSoon(gracefulTimeoutMs: number): void {
    const deadlineMs = monotonicMs() + gracefulTimeoutMs;
    for (const worker of this.#workers) worker.drainSoon("stop", deadlineMs);
  }

  /** Lets all workers finish and waits until they are gone. Resolves to the number that were cut short. */
  async retire(reason: DrainReason, deadlineMs: number): Promise<number> {
    const cut = await Promise.all([...this.#groups].map((group) => group.retire(reason, deadlineMs)));
    return cut.reduce((sum, count) => sum + count, 0);
  }

  killAll(): void {
    for (const group of this.#groups) group.kill();
  }
}
