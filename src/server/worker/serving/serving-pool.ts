/**
 * The serving threads of a worker (a fixed pool), and the handler pools that their routes need.
 *
 * Invariants
 * - `boot` succeeds only when every thread is ready. It fails with the first thread that fails.
 * - After that, each of `size` places has a thread that is ready or starting. A tainted thread serves until its replacement
 *   is ready.
 */

import { EventEmitter } from "node:events";
import { count } from "../../../errors/count.ts";
import type { ServerConfig } from "../../../config/config.ts";
import { HeddleError, messageOf, toWire } from "../../../errors/errors.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import { errorFields, type Log } from "../../../log/log.ts";
import { systemClock } from "../../../supervise/pool-clock.ts";
import type { Member } from "../../../supervise/member.ts";
import { Pool } from "../../../supervise/pool.ts";
import type { AdaptiveReport } from "../../http/admit/adaptive/adaptive-limit.ts";
import type { TicketKeys, TlsMaterial } from "../../http/parse/connection.ts";
import type { HopAccess } from "../../http/sticky/hop.ts";
import type { HandlerPool } from "../handlers/handler-pool.ts";
import { appThread } from "../runtime/app-thread.ts";
import { type AppThread, WorkerRuntime } from "../runtime/worker-runtime.ts";
import { RuntimeUnits } from "../report/runtime-units.ts";
import { BOOT_GRACE_MS, bootTimeout } from "./boot-timeout.ts";
import { HandlerPools } from "../handlers/handler-pools.ts";
import type { AppSocketRelay } from "../app-socket-relay.ts";
import { WorkerGates } from "../worker-gates.ts";
import type { GateShare } from "../worker-protocol.ts";
import { type DrainTimes, drainTimes } from "./drain-times.ts";
import type { AppSummary, DrainReason, ListenerAddress } from "./serving-protocol.ts";
import { type MainLoop, ServingThreadHandle } from "./serving-thread-handle.ts";

export interface ThreadPoolOptions {
  readonly config: ServerConfig;
  readonly tls: TlsMaterial | undefined;
  readonly address: ListenerAddress;
  readonly size: number;
  /** The worker's number, for its share of limits. */
  readonly slot: number;
  readonly log: Log;
  readonly sockets: AppSocketRelay;
  readonly purpose: "serve" | "check";
  readonly hop: HopAccess | undefined;
  /** The process's main thread, if it is the only thread. */
  readonly main: MainLoop | undefined;
}

export interface Booted {
  readonly modules: readonly string[];
  readonly app: AppSummary;
}

interface PoolEvents {
  /** The set of threads that take connections has changed. */
  changed: [];
  unblocked: [thread: ServingThreadHandle, blockedMs: number];
  turn: [];
  /** A thread accepts no more, because the process lacks descriptors. */
  full: [];
  "pass-on": [fd: number, threadId: number];
  "pass-to-worker": [fd: number, pid: number];
  /** It was killed, but has not ended: it is in a native call, which can't be interrupted. */
  stuck: [thread: ServingThreadHandle];
  gone: [thread: ServingThreadHandle];
  /** What is wrong can only be mended with the process, which should be replaced. */
  worn: [why: string];
  /** The main thread is lost, and the process with it. */
  lost: [error: HeddleError];
}

/** A failed boot, with the app's files as far as they are known, for `--watch`. */
export class BootFailure extends Error {
  readonly error: HeddleError;
  readonly modules: readonly string[];
  constructor(error: HeddleError, modules: readonly string[]) {
    super(error.message, { cause: error });
    this.error = error;
    this.modules = modules;
  }
}

type ServingMember = Member<ServingThreadHandle, HeddleError>;

export class ThreadPool extends EventEmitter<PoolEvents> {
  readonly #options: ThreadPoolOptions;
  readonly #pool: Pool<ServingThreadHandle, HeddleError>;
  readonly #handlers: HandlerPools;
  readonly runtime: WorkerRuntime;
  /** The threads as the runtime knows them. */
  readonly #joining = new WeakMap<ServingThreadHandle, AppThread>();
  /** Tasks and actors on threads that the runtime has started by itself. */
  readonly runtimeUnits: RuntimeUnits = new RuntimeUnits(() => this.runtime.root);
  readonly #gates: WorkerGates;
  /** Keys of messages that are logged once. At most a few for each route. */
  readonly #said = new Set<string>();
  readonly #modules = new Set<string>();
  /** Threads that cut requests short when the worker drained, or were killed then, whatever they had left. */
  #cutShort = 0;
  /** Set while the worker drains. */
  #drains: { readonly reason: DrainReason; readonly times: DrainTimes } | undefined;
  #app: AppSummary | undefined;
  /** undefined: neither heddle nor, as far as is known, the app does TLS. */
  #ticketKeys: TicketKeys | undefined;
  #restarts = 0;
  #instances: readonly string[] = [];
  #isLost = false;

  constructor(options: ThreadPoolOptions) {
    super();
    const { config, size } = options;
    this.#options = options;
    this.#ticketKeys = options.tls?.ticketKeys;
    this.runtime = new WorkerRuntime({
      log: options.log,
      runawayBudget: config.runawayBudget,
      hasSchedulers: () => this.#handlers.schedulers.length > 0,
      opened: () => {
        this.runtimeUnits.begin();
        this.#handlers.schedulers.forEach((pool) => pool.joinRuntime());
      },
    });
    this.#handlers = new HandlerPools({ ...options, runtime: this.runtime, onShort: (why) => this.emit("worn", why) });
    this.#gates = new WorkerGates(options.slot, config);
    this.#pool = new Pool({
      rules: {
        kind: "fixed",
        startingAtOnce: Infinity,
        firstAlone: true,
        // Under `sync` two threads at once would be two requests at once.
        refill: config.model === "sync" ? "after-kill" : "at-once",
        startTimeoutMs: config.bootTimeoutMs + BOOT_GRACE_MS,
        drainMs: config.gracefulTimeoutMs,
        drainMarginMs: 0,
        // blocked-threads.ts reads their beats, and knows their requests.
        silenceMs: 0,
        killPatienceMs: config.model === "sync" ? KILL_PATIENCE_MS : LONG_KILL_PATIENCE_MS,
      },
      clock: systemClock,
      wanted: () => (this.#isLost ? 0 : size),
      spawn: (member) => this.#spawn(member),
      killError: ({ driver }, reason) => (reason === "start-timeout" ? bootTimeout(config) : this.#overdue(driver)),
      onReady: ({ driver }) => this.#opened(driver),
      onDrain: ({ driver }) => {
        this.runtime.retire(this.#joining.get(driver)!);
        this.emit("changed");
      },
      onLost: (member, restMs) => this.#lost(member, restMs),
      onGone: (member) => this.#gone(member),
      onStuck: ({ driver }) => this.emit("stuck", driver),
    });
  }

  get threads(): readonly ServingThreadHandle[] {
    return this.#pool.members.map(({ driver }) => driver);
  }

  /** As its first thread has reported it. */
  get app(): AppSummary | undefined {
    return this.#app;
  }

  get handlerPools(): readonly HandlerPool[] {
    return this.#handlers.pools;
  }

  /** Threads replaced because they died or had to be killed. */
  get restarts(): number {
    return this.handlerPools.reduce((sum, pool) => sum + pool.restarts, this.#restarts);
  }

  /** Sets the server's limits when this worker's share of them changes. */
  resizeGate(share: GateShare): void {
    this.#gates.resize(share);
  }

  /** Of the gates whose limits are adaptive. */
  get limits(): readonly AdaptiveReport[] {
    return this.#gates.report();
  }

  /** The threads that take requests from other instances of the app, or are about to. */
  get instances(): readonly string[] {
    return this.threads.flatMap(({ instance, state }) =>
      instance === undefined || (state !== "ready" && state !== "booting") ? [] : [instance],
    );
  }

  /** Those of the whole server, for current and future threads. All others know those that are among them. */
  tellInstances(names: readonly string[]): void {
    this.#instances = names;
    for (const member of this.#pool.members) {
      const { driver } = member;
      driver.tellInstances(names);
      if (driver.instance !== undefined && names.includes(driver.instance)) this.#pool.ready(member);
    }
  }

  /** For current and future threads. Only with TLS. */
  useTicketKeys(ticketKeys: TicketKeys): void {
    this.#ticketKeys = ticketKeys;
    for (const thread of this.threads) if (thread.isReady) thread.useTicketKeys(ticketKeys);
  }

  /** @throws BootFailure: why a thread did not become ready */
  async boot(): Promise<Booted> {
    try {
      await this.#pool.boot();
      this.#pool.commit();
      const modules = await this.#handlers.boot();
      return { modules: [...new Set([...this.#modules, ...modules])], app: this.#app! };
    } catch (error) {
      throw new BootFailure(error as HeddleError, [...this.#modules]);
    }
  }

  /** The drain begins, but connections still come until `drain`. */
  drainSoon(reason: DrainReason, deadlineMs: number): void {
    const { times } = this.#begin(reason, deadlineMs);
    for (const thread of this.threads) thread.drainSoon(reason, times);
  }

  /**
   * Lets every thread finish. May be repeated with a more urgent reason or less time: `stop` then closes idle connections too.
   * Resolves to the number of threads that did not finish by the deadline, handler threads as well.
   */
  async drain(reason: DrainReason, deadlineMs: number): Promise<number> {
    const { times } = this.#begin(reason, deadlineMs);
    const leaving = this.threads;
    for (const thread of leaving) thread.limit(times);
    const gone = this.#pool.close(reason, deadlineMs);
    await Promise.all(leaving.map(({ emptied }) => emptied));
    // No request is left, so the handler threads need not wait for the serving threads' `onStop`.
    const [, handlers] = await Promise.all([gone, this.#handlers.stop(this.#drains!.times.deadlineMs)]);
    await this.runtime.end(this.#drains!.times.deadlineMs);
    return this.#cutShort + handlers;
  }

  #begin(reason: DrainReason, deadlineMs: number): { readonly times: DrainTimes } {
    const before = this.#drains?.times;
    const isNearer = before === undefined || deadlineMs < before.deadlineMs;
    const drains = { reason, times: isNearer ? drainTimes(monotonicMs(), deadlineMs) : before };
    this.#drains = drains;
    this.#handlers.drain(reason, drains.times);
    return drains;
  }

  #overdue({ name, row, isEmpty, isStopped }: ServingThreadHandle): HeddleError {
    if (this.#drains !== undefined) this.#cutShort++;
    const limit = `--graceful-timeout (${this.#options.config.gracefulTimeoutMs} ms)`;
    const what = isStopped ? "SIGTERM listeners, or connections to its other servers," : "onStop";
    const message = isEmpty
      ? `${name} is killed: the app's ${what} did not end within ${limit}`
      : `${name} still had ${count(row.inFlight, "request")} after ${limit} and is killed`;
    return new HeddleError("THREAD_DIED", message);
  }

  #spawn(member: ServingMember): ServingThreadHandle {
    const { config, address, log, main, purpose, sockets, hop } = this.#options;
    const ticketKeys = this.#ticketKeys;
    const { place: index } = member;
    const tls = this.#options.tls && { ...this.#options.tls, ticketKeys: ticketKeys! };
    const thread = new ServingThreadHandle(member, { config, index, tls, address, purpose, hop }, main);
    thread.on("log", ({ level, fields, message, once }) => {
      if (once !== undefined && this.#said.has(once)) return;
      if (once !== undefined) this.#said.add(once);
      log[level]({ thread: index, ...fields }, message);
    });
    sockets.connect(thread);
    const joining = appThread(thread, "serving", `serving ${index}`, (why) =>
      this.#wear(member, why, "a runaway actor"),
    );
    this.#joining.set(thread, joining);
    thread.on("join-runtime", (knock) => this.runtime.join(joining, knock));
    thread.on("loaded", ({ limited, pools, summary }) => {
      if (index === 0) this.#app = summary;
      if (purpose === "check") return this.#pool.ready(member);
      this.#handlers.open(pools);
      thread.open(this.#gates.open(limited), this.#handlers.memoriesFor(thread));
      this.#handlers.attach(thread);
    });
    thread.once("ready", (told) => {
      if (index === 0) this.#app = { ...this.#app!, ...told };
      // New keys that came while it booted were not sent to it, and those of an app that does TLS are not in its boot message.
      const keys = this.#ticketKeys;
      if (keys !== undefined && (tls === undefined || keys !== ticketKeys)) thread.useTicketKeys(keys);
      if (thread.instance === undefined || this.#pool.isOnTrial(member)) this.#pool.ready(member);
      // It takes connections when the other instances know it: when the list has it.
      else this.emit("changed");
    });
    thread.on("unblocked", (blockedMs) => this.emit("unblocked", thread, blockedMs));
    thread.on("tainted", (error) => this.#wear(member, error, "uncaught exception"));
    thread.on("condemned", (error) => {
      this.#isLost = main !== undefined;
      this.#pool.kill(member, error);
    });
    thread.on("turn", () => this.emit("turn"));
    thread.on("full", () => this.emit("full"));
    thread.on("pass-on", (fd, threadId) => this.emit("pass-on", fd, threadId));
    thread.on("pass-to-worker", (fd, pid) => this.emit("pass-to-worker", fd, pid));
    thread.once("gone", (error) => {
      this.#gates.settle(thread.gates);
      for (const file of thread.modules) this.#modules.add(file);
      if (this.#drains !== undefined && thread.cutShort > 0) this.#cutShort++;
      this.#pool.gone(member, error);
      this.runtime.left(joining, error);
      if (member.readyMs === undefined) return;
      this.emit("gone", thread);
      this.emit("changed");
    });
    return thread;
  }

  #opened(thread: ServingThreadHandle): void {
    for (const file of thread.modules) this.#modules.add(file);
    // Before it takes connections.
    thread.tellInstances(this.#instances);
    if (this.#drains !== undefined) thread.drainSoon(this.#drains.reason, this.#drains.times);
    this.emit("changed");
  }

  #wear(member: ServingMember, error: HeddleError, what: string): void {
    const { name, index } = member.driver;
    // The line's own message is not the error's.
    const fields = { thread: index, ...errorFields(error), err: toWire(error) };
    const known = TAINTS[error.code];
    const told = known === undefined ? `${what} on ${name}` : `${error.message} (on ${name})`;
    if (this.#options.main !== undefined) {
      this.#options.log.error(fields, `${told}; the worker is replaced`);
      this.emit("worn", known ?? what);
      return;
    }
    this.#options.log.error(fields, `${told}; the thread is replaced`);
    this.#restarts++;
    this.#tellRest(index, this.#pool.replace(member, "replace"));
  }

  #lost({ place, error, readyMs, wish }: ServingMember, restMs: number): void {
    if (this.#options.main !== undefined) {
      this.emit("lost", error!);
      return;
    }
    const fields = { thread: place, ...errorFields(error) };
    const what = readyMs === undefined ? `the replacement of serving thread ${place} did not boot: ` : "";
    this.#options.log.error(fields, what + messageOf(error));
    // A tainted thread is counted already.
    if (readyMs !== undefined && wish === undefined) this.#restarts++;
    this.#tellRest(place, restMs);
    this.emit("changed");
  }

  #gone({ place, error, isLost, readyMs }: ServingMember): void {
    if (error === undefined || isLost || readyMs === undefined) return;
    this.#options.log.warn({ thread: place, ...errorFields(error) }, error.message);
  }

  #tellRest(index: number, delayMs: number): void {
    if (delayMs === 0) return;
    const message = `serving thread ${index} keeps dying; the next restart is in ${delayMs} ms`;
    this.#options.log.warn({ thread: index, delayMs }, message);
  }
}

/** Why a thread is to be replaced that reports no exception. */
const TAINTS: Readonly<Record<string, string>> = {
  SUPERVISION_FAILED: "supervision tree failed",
  THREAD_QUARANTINED: "an actor was ended beside others",
};

/** A killed thread in JavaScript ends within milliseconds. Under `sync` nothing is served until it has. */
const KILL_PATIENCE_MS = 500;
/** On a very busy machine it takes seconds. */
const LONG_KILL_PATIENCE_MS = 5000;
