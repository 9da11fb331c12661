/**
 * Each connection to the worker with the fewest: for models that run many requests at once.
 *
 * While no worker serves, connections wait here in order; so do all while the server stops, because a connection is
 * refused only after the end. Those a dead worker had not taken over yet are given to another.
 */

import type { Socket } from "node:net";
import { place } from "../worker/placement.ts";
import type { Distribution } from "./distribution.ts";
import type { WorkerHandle } from "./worker-handle.ts";

export interface SpreadOptions {
  /** Those that take connections. */
  readonly workers: () => readonly WorkerHandle[];
  /** Connections that may wait here. */
  readonly backlog: number;
}

export class Spread implements Distribution {
  readonly shed = 0;
  readonly #options: SpreadOptions;
  readonly #waiting: Socket[] = [];
  #parks = false;
  #turn = 0;

  constructor(options: SpreadOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  take(socket: Socket): void {
    const workers = this.#options.workers();
    const loads = workers.map((worker) => ({
      connections: worker.connections,
      open: !this.#parks,
      stale: worker.openThreads > 0 && worker.healthyThreads === 0,
    }));
    const index = place(loads, this.#turn++);
    if (index >= 0) workers[index]!.hand(socket);
    else if (this.#waiting.length < this.#options.backlog) this.#waiting.push(socket);
    else socket.destroy();
  }

  takeBack(sockets: readonly Socket[]): void {
    for (const socket of sockets) this.take(socket);
  }

  look(): void {
    if (this.#parks) return;
    for (const socket of this.#waiting.splice(0)) if (!socket.destroyed) this.take(socket);
  }

  finish(): Promise<void> {
    this.#parks = true;
    return Promise.resolve();
  }

  close(): void {
    for (const socket of this.#waiting.splice(0)) socket.destroy();
  }
}
