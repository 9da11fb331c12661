/**
 * A worker: what looks after its serving threads, and talks to the arbiter.
 *
 *   boot (from the arbiter) → boot the threads → ready → serve → take connections
 *   → drain (the arbiter says so, or is gone) → threads finish, by the deadline → exit
 *
 * It runs on a thread that runs no user code, in one of two kinds of process:
 *
 *   worker-main.ts       several serving threads, or handler threads: on the process's main thread
 *   app-process-main.ts  one event loop, on the process's main thread: on a watch thread beside it (watch-thread-main.ts)
 */

import { HeddleError, toWire } from "../../errors/errors.ts";
import { COUNTER } from "../../supervise/load-board.ts";
import { threadInspector } from "../../supervise/inspect/thread-inspector.ts";
import { createLog, errorFields, type Log } from "../../log/log.ts";
import { servingThreads } from "../models/offload/dispatch/pools.ts";
import { loadNative, requireNative, trimMemory } from "../../platform/native.ts";
import { Acceptor } from "./accept/acceptor.ts";
import { Ahead } from "./accept/prefetched-connection.ts";
import { AppSocketRelay } from "./app-socket-relay.ts";
import { Arrivals, type Load } from "./accept/handed-connections.ts";
import { openDebuggerPort } from "./debugger-port.ts";
import { DescriptorWatch } from "./descriptor-watch.ts";
import {
  BEAT_INTERVAL_MS,
  TERMINATED,
  TOTALS_INTERVAL_MS,
  type ToWorker,
  type WorkerAnswer,
  type WorkerBoot,
  type WorkerQuestion,
} from "./worker-protocol.ts";
import { unread } from "../../platform/node-internals/handles.ts";
import { Reporter } from "./report/report.ts";
import type { MainLoop, ServingThreadHandle } from "./serving/serving-thread-handle.ts";
import { compileEarly } from "./serving/tiering.ts";
import { BootFailure, ThreadPool } from "./serving/serving-pool.ts";
import { tell, written } from "./to-arbiter.ts";
import { Incoming } from "./accept/incoming.ts";
import { EXIT_PATIENCE_MS, Leaving } from "./ending/leaving.ts";
import { Retirement } from "./ending/retirement.ts";
import { TurnAway } from "./accept/turn-away.ts";
import { Trimming } from "./memory-trim.ts";
import { viewThreads, watchedThreads } from "./report/thread-views.ts";
import { findUnitLeaks, viewTrees, type WatchedThread } from "./report/unit-views.ts";
import { BlockedThreads } from "./blocked-threads.ts";

type WorkerState = "booting" | "ready" | "serving" | "draining";

export interface WorkerProcess {
  /** Ends the process. It may be killed if it has not ended after `patienceMs`; `overdue` is called before. */
  readonly exit: (code: number, patienceMs: number, overdue?: () => void) => void;
  /** Its main thread, if the app runs there: it is the only serving thread. */
  readonly main?: MainLoop;
}

export class Worker {
  readonly #boot: WorkerBoot;
  readonly #process: WorkerProcess;
  readonly #log: Log;
  readonly #pool: ThreadPool;
  readonly #blocked: BlockedThreads;
  readonly #acceptor: Acceptor;
  /** Only under `sync`. */
  readonly #ahead: Ahead | undefined;
  readonly #reporter: Reporter;
  readonly #sockets: AppSocketRelay;
  readonly #arrivals: Arrivals | Ahead;
  readonly #descriptors: DescriptorWatch;
  readonly #incoming: Incoming;
  readonly #leaving: Leaving;
  readonly #retirement = new Retirement(
    () => this.#leaving.hasBegun,
    () => this.#beat(),
  );
  #state: WorkerState = "booting";
  /** While the arbiter accepts. */
  #loads: NodeJS.Timeout | undefined;
  #toldInstances = "";

  constructor(boot: WorkerBoot, own: WorkerProcess) {
    const { config, tls, address, slot, generation, purpose, hop } = boot;
    const log = createLog({ format: config.logFormat, level: config.logLevel, base: { pid: process.pid, generation } });
    this.#boot = boot;
    this.#process = own;
    this.#log = log;
    const size = purpose === "check" ? 1 : servingThreads(config);
    const { main } = own;
    this.#sockets = new AppSocketRelay(tell, purpose);
    const parts = { config, tls, address, size, slot, log, purpose, hop, main, sockets: this.#sockets };
    this.#pool = new ThreadPool(parts);
    this.#blocked = new BlockedThreads(config, log, () => this.#pool.threads);
    const turnAway = new TurnAway(() => tls === undefined && this.#pool.app?.protocol === undefined);
    this.#descriptors = new DescriptorWatch(log, `worker ${process.pid}`);
    this.#acceptor = new Acceptor({
      backlog: config.backlog,
      threads: () => this.#pool.threads,
      isStale: (thread) => this.#blocked.isBlocked(thread),
      turnAway: (socket) => turnAway.refuse(socket),
      onFull: this.#descriptors.full,
      onError: (error) => log.warn({}, `accepting a connection failed: ${error.message}`),
    });
    const load = {
      takes: () => this.#pool.threads.some((thread) => thread.state === "ready" && !this.#blocked.isBlocked(thread)),
      // Only who is handed connections tells it again and again.
      room: () => (this.#loads === undefined ? Infinity : this.#acceptor.room),
      onFull: this.#descriptors.full,
      tell: (told: Load, written: () => void) => tell({ type: "load", ...told }, written),
    };
    this.#ahead =
      config.model === "sync"
        ? new Ahead({ ...load, threads: () => this.#pool.threads, tellNotBegun: () => tell({ type: "not-begun" }) })
        : undefined;
    this.#arrivals =
      this.#ahead ??
      new Arrivals({
        ...load,
        open: () => this.#openConnections(),
        place: ({ handle, isCounted }) => this.#acceptor.take(unread({ handle }), isCounted),
      });
    this.#incoming = new Incoming({
      acceptor: this.#acceptor,
      arrivals: this.#arrivals,
      row: () => this.#pool.threads[0]?.row,
      rowOf: (pid) => main?.onBoard?.rowOf(pid),
    });
    this.#reporter = new Reporter(this.#pool, this.#blocked, this.#acceptor, { slot, generation });
    this.#leaving = new Leaving({
      config,
      hop,
      log,
      pool: this.#pool,
      acceptor: this.#acceptor,
      incoming: this.#incoming,
      reporter: this.#reporter,
      placed: () => this.#arrivals.placed(),
      exit: own.exit,
    });
  }

  /** Resolves when the arbiter has been told how it ended. */
  async boot(): Promise<void> {
    this.#obey();
    this.#connectParts();
    try {
      if (this.#boot.config.listen.some(({ kind }) => kind === "unix")) await requireNative("Unix sockets");
      await loadNative();
      await openDebuggerPort(this.#boot.config, this.#boot.slot);
      compileEarly(this.#boot.config.model);
      // Connected before the first thread starts.
      threadInspector();
      const booted = await this.#pool.boot();
      this.#state = "ready";
      this.#retirement.watch(this.#boot.config, () => this.#reporter.requests);
      const trimming = new Trimming();
      setInterval(() => trimming.due(this.#reporter.requests) && trimMemory(), TRIMMING_CHECK_MS);
      setInterval(() => this.#beat(), BEAT_INTERVAL_MS);
      setInterval(() => this.#tellTotals(), TOTALS_INTERVAL_MS);
      tell({ type: "ready", ...booted, instances: this.#pool.instances });
    } catch (error) {
      const { error: told, modules } = error instanceof BootFailure ? error : { error, modules: [] };
      await written({ type: "boot-failed", error: toWire(told), modules });
      this.#process.exit(1, EXIT_PATIENCE_MS);
    }
  }

  /** This process got a SIGTERM. */
  terminate(): void {
    setTimeout(() => {
      if (this.#state === "booting") this.#process.exit(TERMINATED, EXIT_PATIENCE_MS);
      else this.#retirement.want("signal: SIGTERM", false);
    }, GROUP_SIGNAL_MS);
  }

  #obey(): void {
    process.on("message", (message: ToWorker, handle?: object) => this.#obeyOne(message, handle));
    process.removeAllListeners("disconnect");
    process.once("disconnect", () => this.#orphaned());
    // Node does not emit it while a handle that was sent is not acknowledged.
    setInterval(() => process.connected || this.#orphaned(), BEAT_INTERVAL_MS).unref();
  }

  #connectParts(): void {
    const pool = this.#pool;
    const acceptor = this.#acceptor;
    pool.on("changed", () => {
      acceptor.refresh();
      this.#tellInstances();
    });
    pool.on("full", () => acceptor.full());
    pool.on("pass-on", (fd, threadId) => acceptor.passOn(fd, threadId));
    pool.on("pass-to-worker", (fd, pid) => this.#incoming.passedOn.pass(unread({ fd }), pid));
    pool.on("unblocked", (thread, blockedMs) => {
      acceptor.placeWaiting();
      void this.#blocked.unblocked(thread, blockedMs);
    });
    pool.on("gone", (thread) => {
      for (const accepted of thread.takeBack()) acceptor.place(accepted);
    });
    pool.on("worn", (why) => this.#retirement.want(why, true));
    pool.on("lost", (error) => tell({ type: "kill-me", error: toWire(error) }));
    pool.on("stuck", (thread) => this.#giveUpOn(thread));
    if (this.#ahead === undefined) return;
    pool.on("turn", () => this.#arrivals.tell());
    pool.on("changed", () => this.#arrivals.tell());
  }

  #obeyOne(message: ToWorker, handle: object | undefined): void {
    switch (message.type) {
      case "serve":
        void this.#serve();
        break;
      case "handed":
        this.#incoming.missing(message.upTo);
        break;
      case "connection":
        this.#incoming.receive(message, handle);
        break;
      case "passed":
        this.#incoming.passedOn.confirm(message.id);
        break;
      case "pass-checked":
        this.#incoming.passedOn.lost(message.upTo);
        break;
      case "app-socket":
        this.#sockets.answered(message, handle);
        break;
      case "recall":
        this.#ahead?.letGo();
        break;
      case "make-room":
        this.#acceptor.makeRoom();
        break;
      case "stop-accepting":
        this.#acceptor.stopListening();
        this.#tellLoad();
        break;
      case "instances":
        this.#pool.tellInstances(message.names);
        break;
      case "share":
        this.#pool.resizeGate(message.share);
        break;
      case "ticket-keys":
        this.#pool.useTicketKeys(message.keys);
        break;
      case "ask":
        void this.#answer(message.id, message.question);
        break;
      case "drain-soon":
        this.#pool.drainSoon(message.reason, message.deadlineMs);
        break;
      case "drain":
        this.#state = "draining";
        void this.#leaving.drain(message.reason, message.deadlineMs);
        break;
      case "boot":
        break;
    }
  }

  async #serve(): Promise<void> {
    if (this.#state !== "ready") return;
    const { listeners } = this.#boot;
    if (listeners.length === 0) this.#tellLoad();
    try {
      const addresses = await this.#acceptor.listen(listeners);
      if (this.#state === "ready") this.#state = "serving";
      tell({ type: "serving", addresses });
    } catch (error) {
      tell({ type: "boot-failed", error: toWire(error), modules: [] }, () => this.#process.exit(1, EXIT_PATIENCE_MS));
    }
  }

  #tellLoad(): void {
    this.#loads ??= setInterval(() => this.#arrivals.tell(), LOAD_INTERVAL_MS);
  }

  #openConnections(): number {
    const counts = this.#pool.threads.map(({ row }) => row.read(COUNTER.connections));
    return counts.reduce((sum, count) => sum + count, this.#acceptor.waiting);
  }

  /** The other instances should hear at once that a thread has begun, or leaves. */
  #tellInstances(): void {
    const { instances } = this.#pool;
    const told = instances.join();
    if (this.#state === "booting" || told === this.#toldInstances) return;
    this.#toldInstances = told;
    this.#beat();
  }

  #tellTotals(): void {
    const totals = this.#reporter.newTotals();
    if (totals !== undefined) tell({ type: "totals", totals });
  }

  #beat(): void {
    const open = this.#pool.threads.filter(({ state }) => state === "ready");
    const healthyThreads = open.filter((thread) => this.#blocked.blockedMs(thread) === 0).length;
    const { wish } = this.#retirement;
    tell({ type: "beat", openThreads: open.length, healthyThreads, instances: this.#pool.instances, ...wish });
    this.#incoming.passedOn.look();
    // What became free without a message (a report turned off) is found here.
    this.#acceptor.check();
  }

  async #answer(id: number, question: WorkerQuestion): Promise<void> {
    tell({ type: "answer", id, answer: await this.#answerTo(question) });
  }

  async #answerTo(question: WorkerQuestion): Promise<WorkerAnswer> {
    const { threads, handlerPools, runtimeUnits } = this.#pool;
    const watched = (): WatchedThread[] => watchedThreads(threads, handlerPools, this.#blocked, runtimeUnits);
    switch (question) {
      case "report":
        return this.#reporter.report();
      case "threads":
        return await viewThreads(threads, handlerPools, this.#blocked, runtimeUnits);
      case "tree":
        return await viewTrees(watched(), runtimeUnits);
      default:
        return await findUnitLeaks(watched(), runtimeUnits);
    }
  }

  /**
   * A native call can't be interrupted, and its thread keeps its clients' connections until it ends: this process must. Other threads finish
   * what they have first; under `sync` there are none.
   */
  #giveUpOn({ index, name, member: { error } }: ServingThreadHandle): void {
    if (this.#ahead === undefined)
      return this.#retirement.want(`${name} is in a native call that does not return`, true);
    if (error !== undefined) this.#log.error({ thread: index, ...errorFields(error) }, error.message);
    const message = `worker ${process.pid} has a thread in a native call that cannot be ended, and is killed`;
    tell({ type: "kill-me", error: toWire(new HeddleError("WORKER_DIED", message)) });
  }

  /** The arbiter is dead. */
  #orphaned(): void {
    void this.#leaving.orphaned(this.#state !== "booting");
  }
}

/** A pause shorter than this is not worth giving memory back for. */
const TRIMMING_CHECK_MS = 500;
/** Fresh enough for placement among workers; the arbiter counts what it hands out itself. */
const LOAD_INTERVAL_MS = 25;
/** A SIGTERM that was the arbiter's as well has it say `drain` by then. */
const GROUP_SIGNAL_MS = 500;
