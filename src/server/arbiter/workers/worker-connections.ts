/**
 * The connections that the arbiter hands to one worker, and what it knows of the worker's load. Under `sync` it also says whether
 * the worker would begin a connection at once, or take one ahead.
 *
 * What the worker has not confirmed stays open here (`accept/handovers.ts`), and comes back when it can't be served there.
 */

import type { Socket } from "node:net";
import { count } from "../../../errors/count.ts";
import { HeddleError } from "../../../errors/errors.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import { handleOf } from "../../../platform/node-internals/handles.ts";
import { COUNTER } from "../../../supervise/load-board.ts";
import type { FromWorker } from "../../worker/worker-protocol.ts";
import { Handovers } from "../accept/handovers.ts";
import type { Accepts } from "./worker-handle.ts";
import type { WorkerProcess } from "./worker-process.ts";

export interface WorkerConnectionsOptions {
  readonly process: WorkerProcess;
  readonly seat: Accepts["seat"];
  readonly isServing: () => boolean;
  /** It has received a connection (under `sync`: begun it), or has none any more. */
  readonly turn: () => void;
  readonly returned: (socket: Socket) => void;
  /** What it says can't be. */
  readonly failed: (error: HeddleError) => void;
}

/** A worker without descriptors gets no connection for this long. */
const REST_MS = 1000;

export class WorkerConnections {
  readonly #options: WorkerConnectionsOptions;
  readonly #handovers = new Handovers();
  #open = 0;
  #idle = false;
  /** How many connections more it had descriptors for. */
  #room = Infinity;
  #restsUntilMs = 0;

  constructor(options: WorkerConnectionsOptions) {
    this.#options = options;
  }

  /** As far as known, with those on their way. */
  get count(): number {
    return (this.#options.seat?.row.read(COUNTER.connections) ?? this.#open) + this.#handovers.size;
  }

  /** Whether it could not receive a connection a moment ago. */
  get rests(): boolean {
    return monotonicMs() < this.#restsUntilMs;
  }

  /** Whether it lacks descriptors for another connection, with those on their way. */
  get isFull(): boolean {
    return this.#room <= this.#handovers.size;
  }

  /** Whether it has no connection, none on its way, and would begin one at once. */
  get isIdle(): boolean {
    return this.#options.isServing() && this.#idle && this.count === 0;
  }

  /** Whether it was handed a connection that it has not confirmed. */
  get isOffered(): boolean {
    return this.#handovers.size > 0;
  }

  /** Whether it is busy, and has no prefetched connection. */
  get takesAhead(): boolean {
    return this.#options.isServing() && this.#open > 0 && !this.isOffered && !this.isFull;
  }

  /** It begins to serve. */
  begin(): void {
    this.#idle = true;
  }

  /** `isCounted`: in its row already. */
  hand(socket: Socket, isCounted: boolean): void {
    const handle = handleOf(socket);
    if (handle === null) {
      // Its client has left.
      if (isCounted) this.#options.seat?.row.tryLower("connections");
      return;
    }
    const number = this.#handovers.add(socket, isCounted);
    // One that can't be sent shows when the worker is gone: its unconfirmed sockets come back then.
    this.#options.process.sendWith(handle, { type: "connection", number, isCounted });
  }

  /** The sockets that the worker has not confirmed. */
  takeBack(): Socket[] {
    return this.#handovers.takeBack();
  }

  /** With each heartbeat: something sent behind a connection that is lost has the worker notice. */
  look(): void {
    if (this.#handovers.isLate(monotonicMs()))
      this.#options.process.send({ type: "handed", upTo: this.#handovers.sent });
  }

  loaded({ open, idle, room, received }: FromWorker & { type: "load" }): void {
    const { process, turn, failed } = this.#options;
    const wasFull = this.isFull;
    this.#open = open;
    this.#idle = idle;
    this.#room = room;
    const confirmed = this.#handovers.confirm(received);
    if (confirmed === "some" || this.isIdle || (wasFull && !this.isFull)) turn();
    if (confirmed !== "impossible") return;
    const sent = `${this.#handovers.size} are on their way to it`;
    const message = `worker ${process.pid} counts ${count(received, "connection")} received, and ${sent}`;
    failed(new HeddleError("INTERNAL", message));
  }

  /** It has no descriptors left. */
  lost({ from, upTo }: FromWorker & { type: "not-received" }): void {
    const { seat, turn, returned } = this.#options;
    const lost = this.#handovers.lost(from, upTo);
    if (lost.length === 0) return;
    this.#restsUntilMs = monotonicMs() + REST_MS;
    setTimeout(turn, REST_MS);
    for (const { isCounted } of lost) if (isCounted) seat?.row.tryLower("connections");
    for (const { socket } of lost) returned(socket);
  }
}
