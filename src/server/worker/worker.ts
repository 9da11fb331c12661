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

import { rmSync } from "node:fs";
import type { Socket } from "node:net";
import { HeddleError, toWire } from "../../errors/errors.ts";
import { monotonicMs } from "../../kit/clock.ts";
import { COUNTER } from "../../supervise/load-board.ts";
import { threadInspector } from "../../supervise/inspect/thread-inspector.ts";
import { createLog, errorFields, type Log } from "../../log/log.ts";
import { servingThreads } from "../models/offload/dispatch/pools.ts";
import { residentBytes } from "../../platform/descriptors.ts";
import { loadNative, requireNative, trimMemory } from "../../platform/native.ts";
import type { Accepted } from "./accept/accepted.ts";
import { Acceptor } from "./accept/acceptor.ts";
import { Ahead } from "./accept/prefetched-connection.ts";
import { AppSocketRelay } from "./app-socket-relay.ts";
import { Arrivals, type Load } from "./accept/handed-connections.ts";
import { PassedOn } from "./accept/passed-on.ts";
import { openDebuggerPort } from "./debugger-port.ts";
import { printed } from "./flush-output.ts";
import { watchDescriptors } from "./descriptor-watch.ts";
import { BEAT_INTERVAL_MS, type FromWorker, TERMINATED, type ToWorker, type WorkerBoot } from "./worker-protocol.ts";
import { handleOf, sendable, unread } from "../../platform/node-internals/handles.ts";
import { Recycling } from "./recycling.ts";
import { Reporter } from "./report/report.ts";
import type { MainLoop, ServingThreadHandle } from "./serving/serving-thread-handle.ts";
import { compileEarly } from "./serving/tiering.ts";
import type { DrainReason } from "./serving/serving-protocol.ts";
import { BootFailure, ThreadPool } from "./serving/serving-pool.ts";
import { TurnAway } from "./accept/turn-away.ts";
import { Trimming } from "./memory-trim.ts";
import { viewThreads } from "./report/thread-views.ts";
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
  readonly #passedOn = new PassedOn({
    send: (socket, pid, id) => {
      if (!tellWith(socket, { type: "pass-on", pid, id })) this.#passedOn.lost(id);
    },
    ask: (upTo) => tell({ type: "pass-check", upTo }),
    keep: (socket, pid) => this.#keep(socket, pid),
  });
  #state: WorkerState = "booting";
  /** Why it is to be recycled. */
  #retireWish: string | undefined;
  #isBroken = false;
  #isOrphan = false;
  /** The number of the last connection from the arbiter. */
  #handed = 0;
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
    this.#acceptor = new Acceptor({
      backlog: config.backlog,
      threads: () => this.#pool.threads,
      isStale: (thread) => this.#blocked.isBlocked(thread),
      turnAway: (socket) => turnAway.refuse(socket),
      onError: (error) => log.warn({}, `accepting a connection failed: ${error.message}`),
    });
    const load = {
      takes: () => this.#pool.threads.some((thread) => thread.state === "ready" && !this.#blocked.isBlocked(thread)),
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
    this.#reporter = new Reporter(this.#pool, this.#blocked, () => this.#acceptor.waiting, { slot, generation });
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
      this.#watchRecycling();
      watchDescriptors(this.#log, `worker ${process.pid}`);
      const trimming = new Trimming();
      setInterval(() => trimming.due(this.#reporter.requests) && trimMemory(), TRIMMING_CHECK_MS);
      setInterval(() => this.#beat(), BEAT_INTERVAL_MS);
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
      else this.#retire("signal: SIGTERM");
    }, GROUP_SIGNAL_MS);
  }

  #obey(): void {
    process.on("message", (message: ToWorker, handle?: object) => this.#obeyOne(message, handle));
    process.removeAllListeners("disconnect");
    process.once("disconnect", () => void this.#orphaned());
    // Node does not emit it while a handle that was sent is not acknowledged.
    setInterval(() => process.connected || void this.#orphaned(), BEAT_INTERVAL_MS).unref();
  }

  #connectParts(): void {
    const pool = this.#pool;
    const acceptor = this.#acceptor;
    pool.on("changed", () => {
      acceptor.refresh();
      this.#tellInstances();
    });
    pool.on("pass-on", (fd, threadId) => acceptor.passOn(fd, threadId));
    pool.on("pass-to-worker", (fd, pid) => this.#passedOn.pass(unread({ fd }), pid));
    pool.on("unblocked", (thread, blockedMs) => {
      acceptor.placeWaiting();
      void this.#blocked.unblocked(thread, blockedMs);
    });
    pool.on("gone", (thread) => {
      for (const accepted of thread.takeBack()) acceptor.place(accepted);
    });
    pool.on("worn", (why) => {
      this.#isBroken = true;
      this.#retire(why);
    });
    pool.on("lost", (error) => tell({ type: "kill-me", error: toWire(error) }));
    if (this.#ahead === undefined) return;
    pool.on("turn", () => this.#arrivals.tell());
    pool.on("changed", () => this.#arrivals.tell());
    pool.on("stuck", (thread) => this.#giveUpOn(thread));
  }

  #obeyOne(message: ToWorker, handle: object | undefined): void {
    switch (message.type) {
      case "serve":
        void this.#serve();
        break;
      case "handed":
        this.#missing(message.upTo);
        break;
      case "connection":
        this.#missing(message.number - 1);
        this.#handed = message.number;
        // Its client has left.
        if (handle === undefined && message.isCounted) this.#pool.threads[0]?.row.tryLower("connections");
        this.#arrivals.receive(handle, message.isCounted);
        break;
      case "passed":
        this.#passedOn.confirm(message.id);
        break;
      case "pass-checked":
        this.#passedOn.lost(message.upTo);
        break;
      case "app-socket":
        this.#sockets.answered(message, handle);
        break;
      case "recall":
        this.#ahead?.letGo();
        break;
      case "stop-accepting":
        this.#acceptor.stopListening();
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
        void this.#drain(message.reason, message.deadlineMs);
        break;
      case "boot":
        break;
    }
  }

  /** Of the connections up to this number, those that have not arrived never will. */
  #missing(upTo: number): void {
    if (upTo <= this.#handed) return;
    tell({ type: "not-received", from: this.#handed + 1, upTo });
    this.#handed = upTo;
  }

  async #serve(): Promise<void> {
    if (this.#state !== "ready") return;
    const { listeners } = this.#boot;
    if (listeners.length === 0) setInterval(() => this.#arrivals.tell(), LOAD_INTERVAL_MS);
    try {
      const addresses = await this.#acceptor.listen(listeners);
      if (this.#state === "ready") this.#state = "serving";
      tell({ type: "serving", addresses });
    } catch (error) {
      tell({ type: "boot-failed", error: toWire(error), modules: [] }, () => this.#process.exit(1, EXIT_PATIENCE_MS));
    }
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

  #beat(): void {
    const open = this.#pool.threads.filter(({ state }) => state === "ready");
    const healthyThreads = open.filter((thread) => this.#blocked.blockedMs(thread) === 0).length;
    const wish = { retire: this.#retireWish, isBroken: this.#isBroken };
    tell({ type: "beat", openThreads: open.length, healthyThreads, instances: this.#pool.instances, ...wish });
    this.#passedOn.look();
    // What became free without a message (a report turned off) is found here.
    this.#acceptor.check();
  }

  /** It wants to be recycled, and says so with every heartbeat until it is. */
  #retire(why: string): void {
    if (this.#retireWish !== undefined || this.#state === "draining") return;
    this.#retireWish = why;
    this.#beat();
  }

  #watchRecycling(): void {
    const recycling = new Recycling(this.#boot.config, Math.random());
    const readyMs = monotonicMs();
    const timer = setInterval(() => {
      const ageMs = monotonicMs() - readyMs;
      const due = recycling.due({ requests: this.#reporter.requests, ageMs, rssBytes: residentBytes() });
      if (due === undefined) return;
      clearInterval(timer);
      this.#retire(`${due.reason}: ${due.detail}`);
    }, RECYCLING_CHECK_MS);
  }

  async #answer(id: number, question: "report" | "threads"): Promise<void> {
    const answer =
      question === "report"
        ? this.#reporter.report()
        : await viewThreads(this.#pool.threads, this.#pool.handlerPools, this.#blocked);
    tell({ type: "answer", id, answer });
  }

  async #drain(reason: DrainReason, deadlineMs: number): Promise<void> {
    if (this.#state === "draining") {
      if (reason === "stop") this.#acceptor.leave();
      void this.#pool.drain(reason, deadlineMs);
      return;
    }
    this.#state = "draining";
    // The app hears of it at its beginning, and of this reason, whatever comes meanwhile.
    this.#pool.drainSoon(reason, deadlineMs);
    this.#acceptor.stopListening();
    await this.#arrivals.placed();
    if (reason === "stop") this.#acceptor.leave();
    else this.#giveBack(this.#acceptor.takeWaiting());
    const cutShort = await this.#pool.drain(reason, deadlineMs);
    if (reason !== "stop") this.#giveBack(this.#acceptor.takeWaiting());
    // Of handler threads, which print by way of this one: what they have said at their ends has arrived a turn later.
    await new Promise(setImmediate);
    await printed();
    this.#log.flush();
    tell({ type: "drained", report: this.#reporter.report(), cutShort: cutShort > 0 }, () =>
      this.#process.exit(
        0,
        Math.max(EXIT_PATIENCE_MS, deadlineMs - monotonicMs()),
        () => cutShort === 0 && this.#tellOverdue(),
      ),
    );
  }

  #tellOverdue(): void {
    const limit = `--graceful-timeout (${this.#boot.config.gracefulTimeoutMs} ms)`;
    const message = `worker ${process.pid} is killed: the app's SIGTERM or exit listeners, or connections to its other servers, did not end within ${limit}`;
    this.#log.warn({}, message);
  }

  /** Another worker takes over: connections no thread here has taken are its to serve. */
  #giveBack(connections: readonly Accepted[]): void {
    for (const accepted of connections) {
      const socket = accepted.kind === "fd" ? unread(accepted) : accepted.socket;
      if (!tellWith(socket, { type: "return" })) socket.destroy();
    }
  }

  /** A connection that this worker passed on has not left. */
  #keep(socket: Socket, pid: number): void {
    const to = this.#process.main?.onBoard?.rowOf(pid);
    to?.tryLower("connections");
    this.#acceptor.take(socket);
  }

  /** A native call can't be interrupted, and its thread keeps the client's connection until it ends: this process must. */
  #giveUpOn({ index, member: { error } }: ServingThreadHandle): void {
    if (error !== undefined) this.#log.error({ thread: index, ...errorFields(error) }, error.message);
    const message = `worker ${process.pid} has a thread in a native call that cannot be ended, and is killed`;
    tell({ type: "kill-me", error: toWire(new HeddleError("WORKER_DIED", message)) });
  }

  /** The arbiter is dead. A new one may want the port at once: give it back, finish what can be finished quickly, leave. */
  async #orphaned(): Promise<void> {
    if (this.#isOrphan) return;
    this.#isOrphan = true;
    // Not process.exit(): it waits for every thread to end, and nobody is left to kill a worker whose threads don't.
    const end = (): void => void process.kill(process.pid, "SIGKILL");
    setTimeout(end, ORPHAN_DRAIN_MS);
    const deadlineMs = monotonicMs() + ORPHAN_DRAIN_MS;
    await this.#acceptor.endListening();
    if (this.#state !== "booting") {
      await this.#arrivals.placed();
      this.#acceptor.leave();
      await this.#pool.drain("stop", deadlineMs);
    }
    // The arbiter would have.
    if (this.#boot.hop !== undefined) rmSync(this.#boot.hop.folder, { recursive: true, force: true });
    this.#log.flush();
    end();
  }
}

/** An idle second more or less does not matter for recycling. */
const RECYCLING_CHECK_MS = 250;
/** A pause shorter than this is not worth giving memory back for. */
const TRIMMING_CHECK_MS = 500;
/** Fresh enough for placement among workers; the arbiter counts what it hands out itself. */
const LOAD_INTERVAL_MS = 25;
/** A SIGTERM that was the arbiter's as well has it say `drain` by then. */
const GROUP_SIGNAL_MS = 500;
const ORPHAN_DRAIN_MS = 3000;
/** For the `exit` listeners of an app on the main thread. */
const EXIT_PATIENCE_MS = 1000;

/** false: it can't be sent. */
function tellWith(socket: Socket, message: FromWorker): boolean {
  const handle = handleOf(socket);
  if (!process.connected || handle === null) return false;
  process.send!(message, sendable(handle));
  return true;
}

/** Resolves when the message has left this process. */
function written(message: FromWorker): Promise<void> {
  return new Promise((resolve) => tell(message, resolve));
}

function tell(message: FromWorker, sent?: () => void): void {
  if (process.connected) process.send!(message, undefined, undefined, () => sent?.());
  else sent?.();
}
