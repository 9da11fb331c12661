/**
 * One connection to a worker at a time, for the model `sync`. Each goes to an idle worker, one without a connection. While all
 * are busy, connections wait in one queue, unread: one at each worker, prefetched (`prefetch-policy.ts`), the others here.
 *
 * Invariants
 * - No connection waits while a worker is idle: whatever makes a worker idle calls `look`.
 * - A connection leaves in exactly one way: begun by a worker, refused, or abandoned by its client. A connection that was
 *   handed to a worker is kept here until the worker has begun it. If the worker dies first, it comes back by `takeBack`.
 * - At most `queue` connections wait, each at most the queue timeout, here or at a worker. A returned connection keeps its
 *   position, and is not refused for lack of room.
 * - A worker gets no other connection before it has begun the last one.
 *
 * A stop serves the queue, and the connections on their way to a worker, before the workers drain. New connections are
 * refused meanwhile.
 */

import type { Socket } from "node:net";
import type { ServerConfig } from "../../../config/config.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import { place } from "../../worker/accept/placement.ts";
import { type Handed, nextFree, overtaken, type Recall, toIdle } from "./prefetch-policy.ts";
import type { Balancer } from "./balancer.ts";
import { isOverdue, PendingQueue, type Ticket } from "./pending-queue.ts";

/** The part of a `WorkerHandle` that it uses. */
export interface TurnTaker {
  readonly isIdle: boolean;
  /** It is busy, and has no prefetched connection. */
  readonly takesAhead: boolean;
  /** It was handed a connection that it has not begun. */
  readonly isOffered: boolean;
  hand(socket: Socket): void;
  /** Asks for the connection back that it has not begun. */
  recall(): void;
}

export interface TurnsOptions {
  readonly workers: () => readonly TurnTaker[];
  readonly limits: () => Pick<ServerConfig, "queue" | "queueTimeoutMs">;
  readonly turnAway: (socket: Socket) => void;
  /** Those whose clients have left since they wait. Called for each connection when it begins to wait. */
  readonly hungUp: (sockets: readonly Socket[]) => ReadonlySet<Socket>;
}

/** open → finishing (the queue is served, nothing joins) → over (nothing is served any more). */
type State = "open" | "finishing" | "over";

interface Turn extends Handed<TurnTaker> {
  readonly ticket: Ticket<Socket>;
  recalled: Recall | undefined;
}

export class IdleWorkers implements Balancer {
  shed = 0;
  readonly #options: TurnsOptions;
  readonly #line = new PendingQueue<Socket>();
  /** Handed over and not begun, in the order of handing over. */
  readonly #handed = new Map<Socket, Turn>();
  /** The number of the connection that each worker began last. */
  readonly #runs = new WeakMap<TurnTaker, number>();
  /** Workers behind which a connection was overtaken. They get no prefetched one until they have begun another. */
  readonly #slow = new WeakSet<TurnTaker>();
  #state: State = "open";
  #turn = 0;
  #numbers = 0;
  #sweeps: NodeJS.Timeout | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#line.length + this.#ahead.length;
  }

  /** It refuses what it has no room for. */
  get hasRoom(): boolean {
    return true;
  }

  take(socket: Socket): void {
    const ticket = this.#line.draw(socket, monotonicMs());
    const isOpen = this.#state === "open";
    const idle = isOpen && this.#line.length === 0 ? this.#idle() : undefined;
    if (idle !== undefined) {
      this.#hand(ticket, idle, false);
    } else if (!isOpen || this.waiting >= this.#options.limits().queue) {
      this.#turnAway(socket);
    } else {
      // From now on it waits, and its client may leave.
      this.#options.hungUp([socket]);
      this.#line.join(ticket);
      this.#sweepWhileAnyWaits();
      this.look();
    }
  }

  takeBack(sockets: readonly Socket[]): void {
    for (const socket of sockets) {
      const turn = this.#handed.get(socket);
      this.#handed.delete(socket);
      if (turn?.recalled === "left") socket.destroy();
      else if (turn?.recalled === "overdue" || this.#state === "over") this.#turnAway(socket);
      else this.#line.join(this.#ticketAgain(socket, turn));
    }
    if (this.#line.length > 0) this.#sweepWhileAnyWaits();
    this.look();
  }

  look(): void {
    this.#settle();
    this.#serveIdle();
    this.#handAhead();
    if (this.waiting === 0) this.#emptied();
  }

  async finish(withinMs: number): Promise<void> {
    this.#state = "finishing";
    this.look();
    if (!this.#isDone && withinMs > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, withinMs);
      this.#onEmpty = resolve;
      await promise;
      clearTimeout(timer);
    }
    this.#state = "over";
    for (const socket of this.#line.takeAll()) this.#turnAway(socket);
    for (const turn of this.#ahead) this.#recall(turn, "overdue");
    this.#emptied();
  }

  close(): void {
    this.#state = "over";
    for (const socket of this.#line.takeAll()) socket.destroy();
    this.#emptied();
    this.#onEmpty?.();
  }

  get #ahead(): Turn[] {
    return [...this.#handed.values()].filter(({ isAhead }) => isAhead);
  }

  /** Notes which connections were begun, and recalls those that were overtaken. */
  #settle(): void {
    let begun = -1;
    for (const [socket, { worker, number }] of this.#handed) {
      if (worker.isOffered) continue;
      this.#handed.delete(socket);
      this.#runs.set(worker, number);
      this.#slow.delete(worker);
      begun = number;
    }
    for (const turn of overtaken(this.#ahead, begun, this.#options.workers().length)) {
      this.#slow.add(turn.worker);
      this.#recall(turn, "again");
    }
  }

  #serveIdle(): void {
    for (let idle = this.#idle(); idle !== undefined; idle = this.#idle()) {
      const ticket = this.#next();
      if (ticket === undefined) break;
      this.#hand(ticket, idle, false);
    }
    if (this.#line.length > 0) return;
    const idle = this.#options.workers().filter(({ isIdle }) => isIdle).length;
    for (const turn of toIdle(this.#ahead, idle)) this.#recall(turn, "again");
  }

  #handAhead(): void {
    const workers = this.#options.workers();
    while (this.#line.length > 0) {
      // A recalled connection comes first, and must find a free place.
      if (this.#ahead.some(({ recalled }) => recalled === "again")) return;
      const index = nextFree(
        workers.map((worker) => ({
          takesAhead: worker.takesAhead && !this.#slow.has(worker),
          runs: this.#runs.get(worker) ?? -1,
        })),
      );
      const ticket = index === -1 ? undefined : this.#next();
      if (ticket === undefined) return;
      this.#hand(ticket, workers[index]!, true);
    }
  }

  #hand(ticket: Ticket<Socket>, worker: TurnTaker, isAhead: boolean): void {
    this.#handed.set(ticket.item, { ticket, worker, number: this.#numbers++, isAhead, recalled: undefined });
    worker.hand(ticket.item);
  }

  #recall(turn: Turn, why: Recall): void {
    if (turn.recalled === undefined) turn.worker.recall();
    turn.recalled = why;
  }

  /** The first waiting connection whose client has not left. */
  #next(): Ticket<Socket> | undefined {
    for (let ticket = this.#line.next(); ticket !== undefined; ticket = this.#line.next()) {
      if (!ticket.item.destroyed && this.#options.hungUp([ticket.item]).size === 0) return ticket;
      ticket.item.destroy();
    }
    return undefined;
  }

  /** A prefetched connection keeps its waiting time. One that was given to an idle worker has not waited yet. */
  #ticketAgain(socket: Socket, turn: Turn | undefined): Ticket<Socket> {
    if (turn?.isAhead === true) return turn.ticket;
    const nowMs = monotonicMs();
    return turn === undefined ? this.#line.draw(socket, nowMs) : { ...turn.ticket, sinceMs: nowMs };
  }

  #idle(): TurnTaker | undefined {
    const workers = this.#options.workers();
    const loads = workers.map(({ isIdle }) => ({ connections: 0, open: isIdle, stale: false }));
    const index = place(loads, this.#turn);
    if (index >= 0) this.#turn++;
    return workers[index];
  }

  #turnAway(socket: Socket): void {
    this.shed++;
    this.#options.turnAway(socket);
  }

  #sweepWhileAnyWaits(): void {
    this.#sweeps ??= setInterval(() => this.#sweep(), SWEEP_MS);
  }

  #sweep(): void {
    const nowMs = monotonicMs();
    const { queueTimeoutMs } = this.#options.limits();
    const ahead = this.#ahead;
    const left = this.#options.hungUp([...this.#line.items, ...ahead.map(({ ticket }) => ticket.item)]);
    for (const socket of this.#line.take(left)) socket.destroy();
    for (const socket of this.#line.takeOverdue(nowMs, queueTimeoutMs)) this.#turnAway(socket);
    for (const turn of ahead) {
      if (left.has(turn.ticket.item)) this.#recall(turn, "left");
      else if (isOverdue(turn.ticket, nowMs, queueTimeoutMs)) this.#recall(turn, "overdue");
    }
    if (this.waiting === 0) this.#emptied();
  }

  #emptied(): void {
    clearInterval(this.#sweeps);
    this.#sweeps = undefined;
    if (this.#isDone) this.#onEmpty?.();
  }

  /** No connection waits, and every handed one was begun: a draining worker would begin none. */
  get #isDone(): boolean {
    return this.waiting === 0 && this.#handed.size === 0;
  }
}

/**
 * Short, so that who leaves soon after its request is told from who ends its side with its request (`hung-up.ts`). A thousand
 * that wait cost about 0.1 ms.
 */
const SWEEP_MS = 25;
