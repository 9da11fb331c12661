/**
 * One pool of handler threads: boots them, lets it grow and shrink between min and max, replaces what dies.
 *
 * Invariants
 * - Never more than `max` threads live; after boot at least `min` are ready or on their way.
 * - Every serving thread has a link to every ready handler thread, and is told of its end after everything the
 *   thread said.
 * - A thread is let go only when it is idle: the board lets nobody claim it from then on.
 * - A thread has a slot of the board from its start to its end, and none is in two threads' hands. Its id is its own for ever.
 */

import { EventEmitter } from "node:events";
import type { ServerConfig } from "../../../config/config.ts";
import { availableCpus } from "../../../config/cpus.ts";
import { HeddleError } from "../../../errors/errors.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import { Backoff } from "../../../supervise/backoff.ts";
import { SlotTable } from "../../../supervise/slot-table.ts";
import { formatStack } from "../../../supervise/inspect/thread-stack.ts";
import { errorFields, type Log } from "../../../log/log.ts";
import { Board, MAX_SLOTS } from "../../models/offload/shared/pool-board.ts";
import type { PoolSpec } from "../../models/offload/shared/offload-protocol.ts";
import type { DrainTimes } from "../serving/drain-times.ts";
import { HandlerThreadHandle } from "./handler-thread-handle.ts";
import type { PoolReport } from "../worker-protocol.ts";
import { captureStack } from "../report/stack-capture.ts";
import { surplus } from "./idle-eviction.ts";
import type { DrainReason, ListenerAddress } from "../serving/serving-protocol.ts";

export interface HandlerPoolOptions {
  readonly spec: PoolSpec;
  readonly config: ServerConfig;
  readonly address: ListenerAddress;
  readonly log: Log;
}

interface PoolEvents {
  added: [handler: HandlerThreadHandle];
  removed: [id: number, why: HeddleError];
}

export class HandlerPool extends EventEmitter<PoolEvents> {
  readonly spec: PoolSpec;
  readonly board: Board;
  readonly #options: HandlerPoolOptions;
  readonly #policy = new Backoff();
  readonly #handlers = new Map<number, HandlerThreadHandle>();
  readonly #slots: SlotTable;
  /** Threads that died, had to be killed, or were replaced after an uncaught exception. */
  restarts = 0;
  #ids = 0;
  #leaving = false;
  #drains: { readonly reason: DrainReason; readonly cutMs: number } | undefined;
  #retry: NodeJS.Timeout | undefined;
  #trimmer: NodeJS.Timeout | undefined;

  constructor(options: HandlerPoolOptions) {
    super();
    this.spec = options.spec;
    const slots = Math.min(options.spec.max, MAX_SLOTS);
    this.board = new Board(Board.create(slots));
    this.#slots = new SlotTable({ slots, order: "lowest" });
    this.#options = options;
  }

  get handlers(): readonly HandlerThreadHandle[] {
    return [...this.#handlers.values()];
  }

  report(): PoolReport {
    const ready = this.handlers.filter(({ state }) => state === "ready");
    const counts = ready.map(({ seat }) => this.board.count(seat));
    return {
      name: this.spec.name,
      model: this.spec.model,
      threads: ready.length,
      min: this.spec.min,
      max: this.spec.max,
      busy: counts.filter((count) => count > 0).length,
      inFlight: counts.reduce((sum, count) => sum + count, 0),
      queued: this.board.waiting,
    };
  }

  /** Resolves to the app's files when `min` threads are ready. @throws the first failure */
  async boot(): Promise<readonly string[]> {
    // The first alone: what fails then fails once, and the others find its compiled code in the cache.
    const first = await this.#bootOne();
    const others = Array.from({ length: this.spec.min - 1 }, () => this.#bootOne());
    const modules = [first, ...(await Promise.all(others))].flat();
    const { threadIdleMs } = this.#options.config;
    if (threadIdleMs > 0) this.#trimmer = setInterval(() => this.#trim(), trimIntervalMs(threadIdleMs)).unref();
    return [...new Set(modules)];
  }

  /** Requests wait, or the last spare thread was taken: one thread more, if there may be. */
  want(): void {
    if (this.#leaving || this.#retry !== undefined || this.#handlers.size >= this.#slots.size) return;
    const booting = this.handlers.filter(({ state }) => state === "booting").length;
    if (booting < BOOTING_AT_ONCE && booting < this.#missing()) void this.#bootAnother();
  }

  /** How many more threads would be of use now. */
  #missing(): number {
    if (this.spec.model === "threads") return this.board.waiting;
    const idle = this.handlers.filter(({ seat, state }) => state === "ready" && this.board.load(seat) === 0).length;
    return this.board.waiting + this.spec.min - idle;
  }

  kill(id: number, why: string): void {
    const handler = this.#handlers.get(id);
    if (handler === undefined || handler.state === "gone") return;
    this.board.close(handler.seat);
    void this.#killWithStack(handler, `handler thread ${id} of ${this.spec.name} is ended: ${why}`);
  }

  async #killWithStack(handler: HandlerThreadHandle, message: string): Promise<void> {
    const stack = await captureStack(handler.threadId, LAST_LOOK_MS);
    const where =
      stack === undefined
        ? "no stack: it is inside a native call, or the machine is too busy"
        : formatStack(stack.frames);
    handler.kill(new HeddleError("THREAD_BLOCKED", `${message}\n${where}`));
  }

  /** Their worker drains. They run what still comes, also those that start from now on. */
  drain(reason: DrainReason, { cutMs }: DrainTimes): void {
    this.#drains = { reason, cutMs };
    for (const handler of this.#handlers.values()) handler.drain(reason, cutMs);
  }

  /** Lets all of them run `onStop`, until `deadlineMs` at most. */
  async stop(deadlineMs: number): Promise<void> {
    this.#leaving = true;
    clearTimeout(this.#retry);
    clearInterval(this.#trimmer);
    const leaving = this.handlers;
    const kill = (): void => leaving.forEach((handler) => handler.kill(undefined));
    const timer = setTimeout(kill, Math.max(0, deadlineMs - monotonicMs()));
    await Promise.all(
      leaving.map((handler): Promise<void> => {
        if (handler.state === "gone") return Promise.resolve();
        const gone = new Promise<void>((resolve) => handler.once("gone", () => resolve()));
        if (handler.state !== "leaving") handler.stop();
        return gone;
      }),
    );
    clearTimeout(timer);
  }

  async #bootAnother(): Promise<void> {
    try {
      await this.#bootOne();
    } catch (error) {
      if (this.#leaving) return;
      const delayMs = Math.max(100, this.#policy.died(undefined));
      this.#options.log.error(
        { pool: this.spec.name, delayMs, ...errorFields(error) },
        `a handler thread of ${this.spec.name} did not boot: ${(error as Error).message}`,
      );
      this.#retryIn(delayMs);
    }
  }

  async #bootOne(): Promise<readonly string[]> {
    const { config, log, spec } = this.#options;
    const id = ++this.#ids;
    const handler = this.#start(id);
    this.#handlers.set(id, handler);
    const timer = setTimeout(() => handler.kill(late(config)), config.bootTimeoutMs);
    handler.on("log", ({ level, fields, message }) => log[level]({ pool: spec.name, ...fields }, message));
    return new Promise((resolve, reject) => {
      handler.once("boot-failed", (error) => reject(error));
      handler.once("ready", (modules) => {
        clearTimeout(timer);
        this.#opened(handler);
        resolve(modules);
      });
      handler.once("gone", (error) => {
        clearTimeout(timer);
        this.#handlers.delete(id);
        this.board.close(handler.seat);
        this.#slots.free(handler.seat);
        reject(error ?? new HeddleError("HANDLER_DIED", `handler thread ${id} of ${spec.name} ended while it booted`));
      });
    });
  }

  #start(id: number): HandlerThreadHandle {
    const { config, address, spec } = this.#options;
    const seat = this.#slots.take();
    if (seat === undefined) {
      const message = `handler thread ${id} of ${spec.name} finds no slot: all ${this.#slots.size} are in use`;
      throw new HeddleError("INTERNAL", message);
    }
    try {
      return new HandlerThreadHandle({ config, address, pool: spec, board: this.board.buffer, id, seat });
    } catch (error) {
      this.#slots.free(seat);
      throw error;
    }
  }

  #opened(handler: HandlerThreadHandle): void {
    const { id, seat } = handler;
    const readyMs = monotonicMs();
    handler.usedMs = readyMs;
    if (this.#drains !== undefined) handler.drain(this.#drains.reason, this.#drains.cutMs);
    this.board.open(seat);
    handler.once("used", () => this.#retire(handler));
    handler.once("tainted", (error) => {
      // One that was used up ends anyway.
      const isReplaced = handler.state === "ready";
      this.#options.log.error(
        { pool: this.spec.name, handler: id, ...errorFields(error) },
        `uncaught exception on handler thread ${id} of ${this.spec.name}; the thread ${isReplaced ? "is replaced" : "has ended"}`,
      );
      if (!isReplaced) return;
      this.restarts++;
      handler.drain("replace", monotonicMs() + this.#options.config.gracefulTimeoutMs);
      this.#retireWhenIdle(handler);
    });
    handler.once("gone", (error) => this.#lost(handler, error, monotonicMs() - readyMs));
    this.emit("added", handler);
    if (this.board.waiting > 0) this.want();
  }

  #lost({ id }: HandlerThreadHandle, error: HeddleError | undefined, readyForMs: number): void {
    const why = error ?? new HeddleError("HANDLER_DIED", `handler thread ${id} of ${this.spec.name} was let go`);
    this.emit("removed", id, why);
    if (this.#leaving) return;
    if (error !== undefined) {
      this.restarts++;
      this.#options.log.error({ pool: this.spec.name, handler: id, ...errorFields(error) }, error.message);
    }
    const usedUp = error === undefined || error.code === "THREAD_BLOCKED";
    if (!usedUp) this.#retryIn(this.#policy.died(readyForMs));
    else if (this.#handlers.size < this.spec.min) this.#retryIn(0);
    else this.want();
  }

  #retryIn(delayMs: number): void {
    if (delayMs === 0) {
      void this.#bootAnother();
      return;
    }
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      if (!this.#leaving && this.#handlers.size < this.#slots.size) void this.#bootAnother();
    }, delayMs);
  }

  /** Its one request is done, and it ends by itself, unless the handler goes on computing. */
  #retire(handler: HandlerThreadHandle): void {
    this.board.close(handler.seat);
    const timer = setTimeout(() => handler.kill(undefined), END_MS);
    handler.once("gone", () => clearTimeout(timer));
  }

  /** What it runs now is finished first. */
  #retireWhenIdle(handler: HandlerThreadHandle): void {
    if (handler.state !== "ready") return;
    this.board.close(handler.seat);
    if (this.board.isSpent(handler.seat)) handler.stop();
    else setTimeout(() => this.#retireWhenIdle(handler), LOOK_AGAIN_MS);
  }

  #trim(): void {
    const nowMs = monotonicMs();
    const ready = this.handlers.filter(({ state }) => state === "ready");
    for (const handler of ready) if (this.board.takeUsed(handler.seat)) handler.usedMs = nowMs;
    const idle = ready.map(({ id, seat, usedMs }) => ({ id, slot: seat.slot, idleMs: nowMs - usedMs }));
    for (const id of surplus(idle, this.spec, this.#options.config.threadIdleMs)) {
      const handler = this.#handlers.get(id)!;
      if (this.board.tryClose(handler.seat)) handler.stop();
    }
  }
}

/** Often enough to let a thread go within a tenth of its time more. */
function trimIntervalMs(threadIdleMs: number): number {
  return Math.min(5000, Math.max(20, threadIdleMs / 10));
}

/** What it was doing is worth this long; a thread in JavaScript shows it within milliseconds. */
const LAST_LOOK_MS = 250;
const LOOK_AGAIN_MS = 10;
/** A thread that was used once and does not end is ended. What it has printed may take as long, on a busy machine. */
const END_MS = 500;

/** More would only make each of them slower. */
const BOOTING_AT_ONCE = availableCpus();

function late({ bootTimeoutMs }: ServerConfig): HeddleError {
  return new HeddleError("BOOT_TIMEOUT", `a handler thread was not ready within --boot-timeout (${bootTimeoutMs} ms).`);
}
