/**
 * One connection to a worker at a time, for the model `sync`: each goes to an idle worker, one that has none, and while
 * all are busy it waits here in one line, unread.
 *
 * Invariants
 * - Nobody waits while a worker is idle: whatever makes a worker idle calls `look`.
 * - A connection ends here in exactly one way: handed to a worker, turned away, or left by its client.
 * - At most `queue` wait, none longer than the queue timeout; what a worker gives back has had its turn already, stands
 *   first and is not turned away for want of room.
 *
 * A stop serves those in line before it lets the workers go; who comes meanwhile is turned away.
 */

import type { Socket } from "node:net";
import type { ServerConfig } from "../config/config.ts";
import { monotonicMs } from "../fabric/load-board.ts";
import { place } from "../worker/placement.ts";
import type { Distribution } from "./distribution.ts";
import { Line } from "./line.ts";

/** What it needs of a `WorkerHandle`. */
export interface TurnTaker {
  readonly isIdle: boolean;
  hand(socket: Socket): void;
}

export interface TurnsOptions {
  readonly workers: () => readonly TurnTaker[];
  readonly limits: () => Pick<ServerConfig, "queue" | "queueTimeoutMs">;
  readonly turnAway: (socket: Socket) => void;
  /** Those whose clients have hung up. */
  readonly hungUp: (sockets: readonly Socket[]) => ReadonlySet<Socket>;
}

/** open → finishing (the line is served, nobody joins) → over (nobody is served any more). */
type State = "open" | "finishing" | "over";

export class Turns implements Distribution {
  shed = 0;
  readonly #options: TurnsOptions;
  readonly #line = new Line<Socket>();
  #state: State = "open";
  #turn = 0;
  #sweeps: NodeJS.Timeout | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#line.length;
  }

  take(socket: Socket): void {
    if (this.#state === "open" && this.#line.length === 0) {
      const worker = this.#idle();
      if (worker !== undefined) {
        worker.hand(socket);
        return;
      }
    }
    if (this.#state !== "open" || this.#line.length >= this.#options.limits().queue) {
      this.#turnAway(socket);
      return;
    }
    this.#line.join(socket, monotonicMs());
    this.#sweepWhileAnyWaits();
  }

  takeBack(sockets: readonly Socket[]): void {
    if (this.#state === "over") {
      for (const socket of sockets) this.#turnAway(socket);
    } else if (sockets.length > 0) {
      this.#line.joinFirst(sockets, monotonicMs());
      this.#sweepWhileAnyWaits();
      this.look();
    }
  }

  look(): void {
    while (this.#line.length > 0) {
      const worker = this.#idle();
      if (worker === undefined) return;
      const socket = this.#line.next()!;
      if (this.#isLeft(socket)) socket.destroy();
      else worker.hand(socket);
    }
    this.#emptied();
  }

  async finish(withinMs: number): Promise<void> {
    this.#state = "finishing";
    if (this.#line.length > 0 && withinMs > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, withinMs);
      this.#onEmpty = resolve;
      await promise;
      clearTimeout(timer);
    }
    this.#state = "over";
    for (const socket of this.#line.takeAll()) this.#turnAway(socket);
    this.#emptied();
  }

  close(): void {
    this.#state = "over";
    for (const socket of this.#line.takeAll()) socket.destroy();
    this.#emptied();
  }

  #idle(): TurnTaker | undefined {
    const workers = this.#options.workers();
    const loads = workers.map(({ isIdle }) => ({ connections: 0, open: isIdle, stale: false }));
    const index = place(loads, this.#turn);
    if (index >= 0) this.#turn++;
    return workers[index];
  }

  #isLeft(socket: Socket): boolean {
    return socket.destroyed || this.#options.hungUp([socket]).size > 0;
  }

  #turnAway(socket: Socket): void {
    this.shed++;
    this.#options.turnAway(socket);
  }

  #sweepWhileAnyWaits(): void {
    this.#sweeps ??= setInterval(() => this.#sweep(), sweepIntervalMs(this.#options.limits().queueTimeoutMs));
  }

  #sweep(): void {
    for (const socket of this.#line.take(this.#options.hungUp(this.#line.items))) socket.destroy();
    const overdue = this.#line.takeOverdue(monotonicMs(), this.#options.limits().queueTimeoutMs);
    for (const socket of overdue) this.#turnAway(socket);
    if (this.#line.length === 0) this.#emptied();
  }

  #emptied(): void {
    clearInterval(this.#sweeps);
    this.#sweeps = undefined;
    this.#onEmpty?.();
  }
}

const MIN_SWEEP_MS = 25;
const MAX_SWEEP_MS = 250;

/** Often enough to keep the queue timeout to a twentieth. */
function sweepIntervalMs(queueTimeoutMs: number): number {
  return Math.min(MAX_SWEEP_MS, Math.max(MIN_SWEEP_MS, queueTimeoutMs / 20 || MAX_SWEEP_MS));
}
