/**
 * The serving threads of a worker: boots them, replaces what dies, lets them go.
 *
 * Invariants
 * - `boot` succeeds only when every thread is ready; the first that fails to boot fails it.
 * - After that there are always `size` threads ready or on their way, and a thread that is only tainted serves until its
 *   replacement is ready.
 * - The gates' shared memory is made here, once per worker and route, and outlives the threads.
 */

import { EventEmitter } from "node:events";
import type { ServerConfig } from "../../../config/config.ts";
import { HeddleError } from "../../../errors/errors.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import { SharedSemaphore } from "../../../kit/shared-semaphore.ts";
import { errorFields, type Log } from "../../../log/log.ts";
import type { TicketKeys, TlsMaterial } from "../../http/parse/connection.ts";
import { createLedger, type GateHandle } from "../../http/admit/gate.ts";
import { type DrainTimes, drainTimes } from "./drain-times.ts";
import type { HandlerPool } from "../handlers/handler-pool.ts";
import { HandlerPools } from "../handlers/handler-pools.ts";
import type { GateShare } from "../worker-protocol.ts";
import { Backoff } from "../../../supervise/backoff.ts";
import { ServingThreadHandle } from "./serving-thread-handle.ts";
import type { AppSummary, DrainReason, LimitedRoute, ListenerAddress } from "./serving-protocol.ts";

export interface ThreadPoolOptions {
  readonly config: ServerConfig;
  readonly tls: TlsMaterial | undefined;
  readonly address: ListenerAddress;
  readonly size: number;
  readonly log: Log;
}

export interface Booted {
  readonly modules: readonly string[];
  readonly app: AppSummary;
}

interface PoolEvents {
  /** Other threads take connections than before. */
  changed: [];
  unblocked: [thread: ServingThreadHandle, blockedMs: number];
  turn: [];
  "pass-on": [fd: number, threadId: number];
  /** It is being killed. */
  doomed: [thread: ServingThreadHandle];
  gone: [thread: ServingThreadHandle];
}

/** A boot that failed, with the app's files as far as they are known, for `--watch`. */
export class BootFailure extends Error {
  readonly error: HeddleError;
  readonly modules: readonly string[];
  constructor(error: HeddleError, modules: readonly string[]) {
    super(error.message, { cause: error });
    this.error = error;
    this.modules = modules;
  }
}

export class ThreadPool extends EventEmitter<PoolEvents> {
  readonly #options: ThreadPoolOptions;
  /** What threads say once. As many as there are routes, times a few. */
  readonly #said = new Set<string>();
  readonly #policy = new Backoff();
  readonly #handlers: HandlerPools;
  readonly #slots = new Map<string, SharedSemaphore>();
  /** Threads that cut requests short when the worker drained, or had to be killed. */
  #cutShort = 0;
  /** How the worker drains, if it does. */
  #drains: { readonly reason: DrainReason; readonly times: DrainTimes } | undefined;
  #threads: ServingThreadHandle[] = [];
  #tls: TlsMaterial | undefined;
  #leaving = false;
  #restarts = 0;

  constructor(options: ThreadPoolOptions) {
    super();
    this.#options = options;
    this.#tls = options.tls;
    this.#handlers = new HandlerPools(options);
    this.#slots.set("*", SharedSemaphore.create(0, 0));
    this.resizeGate(options.config);
  }

  get threads(): readonly ServingThreadHandle[] {
    return this.#threads;
  }

  get handlerPools(): readonly HandlerPool[] {
    return this.#handlers.pools;
  }

  /** Threads replaced because they died or had to be killed. */
  get restarts(): number {
    return this.handlerPools.reduce((sum, pool) => sum + pool.restarts, this.#restarts);
  }

  /** The server's limits, when this worker's share of them changes. */
  resizeGate({ limit, queue }: GateShare): void {
    this.#slots.get("*")!.resize(limit || MAX_LIMIT, queue);
  }

  /** For threads that boot now as for those to come. Only with TLS. */
  useTicketKeys(ticketKeys: TicketKeys): void {
    this.#tls = { ...this.#tls!, ticketKeys };
    for (const thread of this.#threads) if (thread.state === "ready") thread.useTicketKeys(ticketKeys);
  }

  async boot(): Promise<Booted> {
    const others = Array.from({ length: this.#options.size - 1 }, (_, i) => i + 1);
    // The first alone: what fails then fails once, and what it had to compile the others find in the compile cache.
    const booted = [await this.#bootOne(0), ...(await Promise.all(others.map((index) => this.#bootOne(index))))];
    const dead = booted.find(({ thread }) => thread.state !== "ready");
    if (dead !== undefined) throw new BootFailure(dead.thread.error ?? diedEarly(dead.thread), dead.modules);
    for (const { thread } of booted) this.#supervise(thread);
    const modules = [...booted.flatMap((each) => each.modules), ...(await this.#bootHandlers())];
    return { modules: [...new Set(modules)], app: booted[0]!.app };
  }

  async #bootHandlers(): Promise<readonly string[]> {
    try {
      return await this.#handlers.boot();
    } catch (error) {
      throw new BootFailure(error as HeddleError, []);
    }
  }

  /** The drain begins, and connections still come until `drain`. */
  drainSoon(reason: DrainReason, deadlineMs: number): void {
    const { times } = this.#begin(reason, deadlineMs);
    for (const thread of this.#threads) thread.drainSoon(reason, times);
  }

  /** Lets every thread finish, those that boot included. Resolves to how many did not finish by the deadline. */
  async drain(reason: DrainReason, deadlineMs: number): Promise<number> {
    this.#leaving = true;
    this.hurry(reason, deadlineMs);
    const leaving = this.#threads.filter(({ state }) => state !== "gone");
    const gone = leaving.map((thread) => new Promise<void>((resolve) => thread.once("gone", () => resolve())));
    await Promise.all(leaving.map(({ emptied }) => emptied));
    // No request is left: the handler threads need not wait for what the serving threads do in `onStop`.
    await Promise.all([...gone, this.#handlers.stop(this.#drains!.times.deadlineMs)]);
    return this.#cutShort;
  }

  /** While it drains: `stop` does not spare idle connections any more, and the nearest deadline counts. */
  hurry(reason: DrainReason, deadlineMs: number): void {
    const { times } = this.#begin(reason, deadlineMs);
    for (const thread of this.#threads) thread.drain(reason, times);
  }

  #begin(reason: DrainReason, deadlineMs: number): { readonly times: DrainTimes } {
    const before = this.#drains?.times;
    const isNearer = before === undefined || deadlineMs < before.deadlineMs;
    const drains = { reason, times: isNearer ? drainTimes(monotonicMs(), deadlineMs) : before };
    this.#drains = drains;
    this.#handlers.drain(reason, drains.times);
    return drains;
  }

  #overdue(thread: ServingThreadHandle): void {
    const { config, log } = this.#options;
    const { index, row, isEmpty } = thread;
    if (this.#drains !== undefined) this.#cutShort++;
    const limit = `--graceful-timeout (${config.gracefulTimeoutMs} ms)`;
    log.warn(
      { thread: index, inFlight: row.inFlight },
      isEmpty
        ? `serving thread ${index} is killed: the app's onStop did not end within ${limit}`
        : `serving thread ${index} still had ${row.inFlight} requests after ${limit} and is killed`,
    );
    thread.kill(undefined);
  }

  async #bootOne(index: number): Promise<Booted & { thread: ServingThreadHandle }> {
    const { config, address } = this.#options;
    const tls = this.#tls;
    let thread: ServingThreadHandle;
    try {
      thread = new ServingThreadHandle({ config, index, tls, address, purpose: "serve" });
    } catch (error) {
      throw new BootFailure(error as HeddleError, []);
    }
    this.#threads.push(thread);
    let app: AppSummary;
    const timer = setTimeout(() => thread.kill(bootTimeout(config)), config.bootTimeoutMs + BOOT_GRACE_MS);
    return new Promise((resolve, reject) => {
      thread.on("log", ({ level, fields, message, once }) => {
        if (once !== undefined && this.#said.has(once)) return;
        if (once !== undefined) this.#said.add(once);
        this.#options.log[level]({ thread: index, ...fields }, message);
      });
      thread.on("loaded", ({ limited, pools, summary }) => {
        app = summary;
        this.#handlers.open(pools);
        thread.open(this.#gatesFor(limited), this.#handlers.boards);
        this.#handlers.attach(thread);
      });
      thread.once("ready", (modules, told) => resolve({ thread, modules, app: { ...app, ...told } }));
      thread.once("ready", () => clearTimeout(timer));
      thread.once("ready", () => {
        // It was told of none while it booted.
        if (this.#tls !== undefined && this.#tls !== tls) thread.useTicketKeys(this.#tls.ticketKeys);
      });
      thread.once("boot-failed", (error, modules) => reject(new BootFailure(error, modules)));
      thread.once("overdue", () => this.#overdue(thread));
      thread.once("gone", () => {
        clearTimeout(timer);
        if (this.#drains !== undefined && thread.cutShort > 0) this.#cutShort++;
        this.#threads = this.#threads.filter((other) => other !== thread);
      });
    });
  }

  #gatesFor(limited: readonly LimitedRoute[]): Readonly<Record<string, GateHandle>> {
    for (const { name, limit, queue } of limited) {
      if (!this.#slots.has(name)) this.#slots.set(name, SharedSemaphore.create(limit, queue));
    }
    return Object.fromEntries(
      [...this.#slots].map(([name, { handle }]) => [name, { slots: handle, ledger: createLedger() }]),
    );
  }

  #supervise(thread: ServingThreadHandle): void {
    const { config, log } = this.#options;
    const readyMs = monotonicMs();
    if (this.#drains !== undefined) thread.drainSoon(this.#drains.reason, this.#drains.times);
    thread.on("unblocked", (blockedMs) => this.emit("unblocked", thread, blockedMs));
    thread.on("tainted", (error) => {
      log.error(
        { thread: thread.index, ...errorFields(error) },
        `uncaught exception on serving thread ${thread.index}; the thread is replaced`,
      );
      this.#replace(thread.index, monotonicMs() - readyMs, thread);
    });
    let isLost = false;
    const lost = (error: HeddleError | undefined): void => {
      if (isLost || error === undefined || this.#leaving) return;
      isLost = true;
      log.error({ thread: thread.index, ...errorFields(error) }, error.message);
      if (thread.replaced) return;
      thread.replaced = true;
      this.#replace(thread.index, monotonicMs() - readyMs, undefined);
    };
    thread.once("doomed", (error) => {
      // Under `sync` two threads at once would be two requests at once: the next one comes when this one is gone.
      if (config.model !== "sync") lost(error);
      this.emit("doomed", thread);
      this.emit("changed");
    });
    thread.on("turn", () => this.emit("turn"));
    thread.on("pass-on", (fd, threadId) => this.emit("pass-on", fd, threadId));
    thread.once("gone", (error) => {
      this.emit("gone", thread);
      this.emit("changed");
      lost(error);
    });
    this.emit("changed");
  }

  /** `leaving`: a thread that still serves and drains once the new one is ready. */
  #replace(index: number, readyForMs: number | undefined, leaving: ServingThreadHandle | undefined): void {
    if (leaving !== undefined) {
      if (leaving.replaced) return;
      leaving.replaced = true;
    }
    this.#restarts++;
    this.#bootSoon(index, readyForMs, leaving);
  }

  #bootSoon(index: number, readyForMs: number | undefined, leaving: ServingThreadHandle | undefined): void {
    const delayMs = this.#policy.died(readyForMs);
    if (delayMs > 0)
      this.#options.log.warn(
        { thread: index, delayMs },
        `serving thread ${index} keeps dying; the next try is in ${delayMs} ms`,
      );
    setTimeout(() => {
      if (!this.#leaving) void this.#bootReplacement(index, leaving);
    }, delayMs);
  }

  async #bootReplacement(index: number, leaving: ServingThreadHandle | undefined): Promise<void> {
    try {
      const { thread } = await this.#bootOne(index);
      if (this.#leaving) {
        thread.drain("stop", this.#drains!.times);
        return;
      }
      this.#supervise(thread);
      if (leaving === undefined || leaving.state === "gone") return;
      const nowMs = monotonicMs();
      leaving.drain("replace", drainTimes(nowMs, nowMs + this.#options.config.gracefulTimeoutMs));
      this.emit("changed");
    } catch (failure) {
      if (this.#leaving) return;
      const { error } = failure as BootFailure;
      this.#options.log.error(
        { thread: index, ...errorFields(error) },
        `the replacement of serving thread ${index} did not boot: ${error.message}`,
      );
      this.#bootSoon(index, undefined, leaving);
    }
  }
}

function diedEarly({ index }: ServingThreadHandle): HeddleError {
  return new HeddleError("THREAD_DIED", `serving thread ${index} ended while the others were booting`);
}

export function bootTimeout(config: ServerConfig): HeddleError {
  return new HeddleError(
    "BOOT_TIMEOUT",
    `${config.app}: the app was not ready within --boot-timeout (${config.bootTimeoutMs} ms).`,
    {
      hint: "It blocks its thread while it loads, or its onStart does not end. Raise --boot-timeout if it only needs longer.",
    },
  );
}

/** The thread itself gives up at the boot timeout and can say more; this is for one that can't. */
export const BOOT_GRACE_MS = 500;

/** `limit: 0` turns the server's gate off. */
const MAX_LIMIT = 0x7fffffff;
