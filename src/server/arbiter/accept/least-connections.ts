/**
 * Gives each connection to the worker with the fewest, for models that run many requests at once.
 *
 * While no worker serves, or all lack descriptors, connections wait here in order, and no more are accepted. If a worker dies, those it had not adopted go to another. When the
 * server stops, waiting and returned connections are refused, because the workers leave.
 */

import type { Socket } from "node:net";
import { place } from "../../worker/accept/placement.ts";
import type { Balancer } from "./balancer.ts";
import type { WorkerHandle } from "../workers/worker-handle.ts";

export interface SpreadOptions {
  /** The workers that take connections. */
  readonly workers: () => readonly WorkerHandle[];
  /** How many connections may wait here. Those that a worker gave back are not counted. */
  readonly backlog: number;
  readonly turnAway: (socket: Socket) => void;
}

export class LeastConnections implements Balancer {
  shed = 0;
  readonly #options: SpreadOptions;
  readonly #waiting: Socket[] = [];
  #isOver = false;
  #turn = 0;

  constructor(options: SpreadOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get hasRoom(): boolean {
    const workers = this.#options.workers();
    if (workers.length === 0) return this.#waiting.length < this.#options.backlog;
    return workers.some(({ isFull }) => !isFull);
  }

  take(socket: Socket): void {
    if (this.#isOver) return this.#turnAway(socket);
    const workers = this.#options.workers();
    const loads = workers.map((worker) => ({
      connections: worker.connections,
      open: !worker.isFull,
      stale: !worker.isHeard || (worker.openThreads > 0 && worker.healthyThreads === 0),
    }));
    const index = place(loads, this.#turn++);
    if (index >= 0) workers[index]!.hand(socket);
    else this.#waiting.push(socket);
  }

  takeBack(sockets: readonly Socket[]): void {
    for (const socket of sockets) this.take(socket);
  }

  look(): void {
    for (const socket of this.#waiting.splice(0)) if (!socket.destroyed) this.take(socket);
  }

  finish(): Promise<void> {
    this.#isOver = true;
    this.look();
    return Promise.resolve();
  }

  close(): void {
    for (const socket of this.#waiting.splice(0)) socket.destroy();
  }

  #turnAway(socket: Socket): void {
    this.shed++;
    this.#options.turnAway(socket);
  }
}
