/**
 * A worker, its own side: a pre-forked process whose main thread is the acceptor.
 *
 *   boot (from the arbiter) → boot the threads → ready → serve → take connections
 *   → drain (arbiter, SIGTERM, or the arbiter is gone) → threads finish → exit
 *
 * No user code runs on this thread. Signals meant for the whole process group (Ctrl-C, a closed terminal) are the
 * arbiter's to act on and are ignored here; SIGTERM to this process alone makes it leave gracefully and be replaced.
 */

import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { HeddleError, toWire } from "../errors/errors.ts";
import { COUNTER } from "../fabric/load-board.ts";
import { loadNative, requireNative } from "../platform/native.ts";
import { createLog } from "../log/log.ts";
import type { TlsMaterial } from "../pipeline/connection.ts";
import { Acceptor } from "./acceptor.ts";
import { BEAT_INTERVAL_MS, type FromWorker, type ThreadView, type ToWorker, type WorkerBoot } from "./protocol.ts";
import { Recycling } from "./recycling.ts";
import { Reporter } from "./report.ts";
import { captureStack, formatStack } from "./stack-capture.ts";
import type { DrainReason } from "./thread-protocol.ts";
import { BootFailure, ThreadPool } from "./thread-pool.ts";
import { Watchdog } from "./watchdog.ts";

process.title = "heddle worker";
for (const signal of ["SIGINT", "SIGHUP", "SIGTTIN", "SIGTTOU"] as const) process.on(signal, () => {});

process.once("message", (boot: WorkerBoot) => void main(boot));
process.once("disconnect", () => process.exit(1));

async function main(boot: WorkerBoot): Promise<void> {
  const { config, slot, generation } = boot;
  const log = createLog({ format: config.logFormat, level: config.logLevel, base: { pid: process.pid, generation } });
  try {
    if (config.listen.some(({ kind }) => kind === "unix")) await requireNative("Unix sockets");
    await loadNative();
    const tls = readTls(config.tlsCert, config.tlsKey);
    const pool: ThreadPool = new ThreadPool({ config, tls, address: boot.address, size: config.threads.max, log });
    const watchdog = new Watchdog(config, log, () => pool.threads);
    const acceptor = new Acceptor({
      backlog: config.backlog,
      threads: () => pool.threads,
      isStale: (thread) => watchdog.isStale(thread),
    });
    const reporter = new Reporter(pool, watchdog, { slot, generation });
    pool.on("unblocked", (thread, blockedMs) => void watchdog.unblocked(thread, blockedMs));
    pool.on("ready", () => acceptor.placeWaiting());
    pool.on("gone", (thread) => {
      for (const accepted of thread.takeBack()) acceptor.place(accepted);
    });
    const booted = await pool.boot();
    const worker = new Worker(boot, pool, watchdog, acceptor, reporter);
    process.removeAllListeners("disconnect");
    worker.obey();
    tell({ type: "ready", ...booted });
  } catch (error) {
    const failure = error instanceof BootFailure ? error : new BootFailure(error as HeddleError, []);
    tell({ type: "boot-failed", error: toWire(failure.error), modules: failure.modules }, () => process.exit(1));
  }
}

class Worker {
  readonly #boot: WorkerBoot;
  readonly #pool: ThreadPool;
  readonly #watchdog: Watchdog;
  readonly #acceptor: Acceptor;
  readonly #reporter: Reporter;
  #received = 0;
  #lastLoad = "";
  #draining = false;

  constructor(boot: WorkerBoot, pool: ThreadPool, watchdog: Watchdog, acceptor: Acceptor, reporter: Reporter) {
    this.#boot = boot;
    this.#pool = pool;
    this.#watchdog = watchdog;
    this.#acceptor = acceptor;
    this.#reporter = reporter;
  }

  obey(): void {
    process.on("message", (message: ToWorker, socket?: Socket) => this.#obeyOne(message, socket));
    process.once("disconnect", () => void this.#orphaned());
    process.on("SIGTERM", () => void this.#drain("recycle"));
    setInterval(() => this.#beat(), BEAT_INTERVAL_MS);
    this.#watchRecycling();
  }

  #obeyOne(message: ToWorker, socket: Socket | undefined): void {
    switch (message.type) {
      case "serve":
        void this.#serve();
        break;
      case "connection":
        this.#received++;
        // The client may be gone by the time its socket arrives.
        if (socket !== undefined) this.#acceptor.take(socket);
        break;
      case "stop-accepting":
        this.#acceptor.stopListening();
        break;
      case "ask":
        void this.#answer(message.id, message.question);
        break;
      case "drain":
        void this.#drain(message.reason);
        break;
      case "boot":
        break;
    }
  }

  async #serve(): Promise<void> {
    const { listeners, config } = this.#boot;
    const scheme = config.tlsCert === undefined ? "http" : "https";
    if (listeners.length === 0) setInterval(() => this.#tellLoad(), LOAD_INTERVAL_MS);
    const addresses = await this.#acceptor.listen(listeners);
    tell({ type: "serving", urls: addresses.map((address) => urlOf(scheme, address)) });
  }

  #tellLoad(): void {
    const open = this.#pool.threads.reduce(
      (sum, { row }) => sum + row.read(COUNTER.connections),
      this.#acceptor.waiting,
    );
    const load = `${this.#received} ${open}`;
    if (load === this.#lastLoad) return;
    this.#lastLoad = load;
    tell({ type: "load", received: this.#received, open });
  }

  #beat(): void {
    const open = this.#pool.threads.filter(({ state }) => state === "ready");
    const healthy = open.filter((thread) => this.#watchdog.stuckMs(thread) === 0);
    tell({ type: "beat", openThreads: open.length, healthyThreads: healthy.length });
  }

  #watchRecycling(): void {
    const recycling = new Recycling(this.#boot.config, Math.random());
    const timer = setInterval(() => {
      const due = recycling.due(this.#reporter.requests, process.memoryUsage.rss());
      if (due === undefined) return;
      clearInterval(timer);
      tell({ type: "retire-me", ...due });
    }, RECYCLING_CHECK_MS);
  }

  async #answer(id: number, question: "report" | "threads"): Promise<void> {
    const answer = question === "report" ? this.#reporter.report() : await this.#viewThreads();
    tell({ type: "answer", id, answer });
  }

  #viewThreads(): Promise<readonly ThreadView[]> {
    return Promise.all(
      this.#pool.threads.map(async (thread) => {
        const blockedMs = this.#watchdog.stuckMs(thread);
        const stack = blockedMs > 0 ? await captureStack(thread.threadId, STACK_TIMEOUT_MS) : undefined;
        return {
          worker: process.pid,
          thread: thread.index,
          state: thread.state,
          blockedMs: Math.round(blockedMs),
          exchanges: stack?.probe?.exchanges ?? (blockedMs > 0 ? [] : ((await thread.exchanges()) ?? [])),
          stack: stack === undefined ? undefined : formatStack(stack.frames),
        };
      }),
    );
  }

  async #drain(reason: DrainReason): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    this.#acceptor.stopListening();
    await this.#pool.drain(reason);
    this.#acceptor.dropWaiting();
    tell({ type: "drained", report: this.#reporter.report() }, () => process.exit(0));
  }

  /** The arbiter is dead. A new one may want the port at once: give it back, finish what can be finished quickly, leave. */
  async #orphaned(): Promise<void> {
    setTimeout(() => process.exit(1), ORPHAN_DRAIN_MS);
    this.#acceptor.stopListening();
    await this.#pool.drain("stop");
    process.exit(1);
  }
}

/** An idle second more or less does not matter for recycling. */
const RECYCLING_CHECK_MS = 250;
/** Fresh enough for placement among workers; the arbiter counts what it hands out itself. */
const LOAD_INTERVAL_MS = 25;
const STACK_TIMEOUT_MS = 500;
const ORPHAN_DRAIN_MS = 3000;

function readTls(cert: string | undefined, key: string | undefined): TlsMaterial | undefined {
  return cert === undefined || key === undefined ? undefined : { cert: readFileSync(cert), key: readFileSync(key) };
}

function urlOf(scheme: string, address: string | { address: string; port: number }): string {
  if (typeof address === "string") return `unix:${address}`;
  const host = address.address.includes(":") ? `[${address.address}]` : address.address;
  return `${scheme}://${host}:${address.port}`;
}

function tell(message: FromWorker, sent?: () => void): void {
  if (process.connected) process.send!(message, undefined, undefined, () => sent?.());
  else sent?.();
}
