/**
 * A worker as the arbiter sees it; the worker's own side is `server/worker/worker-main.ts`.
 *
 * States: starting → ready → serving → draining → gone, and from anywhere to gone.
 * `gone` is emitted exactly once, after the process has ended, been reaped, and all it had said has been read: the end
 * of a process may be known before its last words are.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter } from "node:events";
import { existsSync } from "node:fs";
import type { Socket } from "node:net";
import { availableCpus } from "../../../config/cpus.ts";
import { compileCache } from "./compile-cache.ts";
import { fromWire, HeddleError } from "../../../errors/errors.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import type { SocketAddress } from "../../worker/accept/address.ts";
import type {
  FromWorker,
  GateShare,
  InheritedListener,
  ThreadView,
  TicketKeys,
  ToWorker,
  WorkerBoot,
  WorkerReport,
} from "../../worker/worker-protocol.ts";
import { handleOf, sendable, unread } from "../../../platform/node-internals/handles.ts";
import type { AppSummary, DrainReason } from "../../worker/serving/serving-protocol.ts";
import { Handovers } from "../accept/handovers.ts";
import { missingFiles, workerFile } from "./own-files.ts";
import { PendingRequests } from "../../../kit/pending-requests.ts";
import { workerFlags } from "./worker-flags.ts";

export type WorkerState = "starting" | "ready" | "serving" | "draining" | "gone";

interface WorkerEvents {
  ready: [];
  serving: [addresses: readonly SocketAddress[]];
  /** It has received a connection (under `sync`: begun with it), or has none any more. */
  turn: [];
  returned: [socket: Socket];
  "retire-me": [reason: string, detail: string];
  gone: [error: HeddleError | undefined];
}

/** fds 0, 1, 2 and the IPC channel come first; inherited sockets follow. */
const FIRST_INHERITED_FD = 4;
/** Over the worker's own boot timeout, which names the thread that hangs. */
const BOOT_MARGIN_MS = 2000;
/** A descendant that inherited the channel could keep it open after the worker's end. */
const LAST_WORDS_MS = 500;
/** A worker that does not answer in this time is stopped or overwhelmed, and told of as such. */
const ANSWER_TIMEOUT_MS = 2000;

export class WorkerHandle extends EventEmitter<WorkerEvents> {
  readonly slot: number;
  readonly generation: number;
  state: WorkerState = "starting";
  /** monotonicMs of the last sign of life. */
  beatMs: number = monotonicMs();
  readyMs: number | undefined;
  healthyThreads = 0;
  openThreads = 0;
  /** What it said of itself last, when it left. */
  lastReport: WorkerReport | undefined;
  modules: readonly string[] = [];
  app: AppSummary | undefined;
  /** It was killed, or had to kill threads, before its requests were finished. */
  wasCutShort = false;
  readonly heartbeatTimeoutMs: number;
  readonly #bootTimeoutMs: number;
  readonly #child: ChildProcess;
  readonly #questions = new PendingRequests(ANSWER_TIMEOUT_MS);
  readonly #handovers = new Handovers();
  #open = 0;
  #idle = false;
  #error: HeddleError | undefined;

  /** `env`: that of its generation. */
  constructor(
    boot: Omit<WorkerBoot, "type" | "listeners">,
    listeners: readonly InheritedListener[],
    env: NodeJS.ProcessEnv,
  ) {
    super();
    this.slot = boot.slot;
    this.generation = boot.generation;
    this.heartbeatTimeoutMs = boot.config.heartbeatTimeoutMs;
    this.#bootTimeoutMs = boot.config.bootTimeoutMs;
    const flags = workerFlags(availableCpus(), process.execArgv, env["NODE_OPTIONS"]);
    const { cwd } = boot.config;
    this.#child = spawn(process.execPath, [...flags, workerFile], {
      stdio: ["ignore", "inherit", "inherit", "ipc", ...listeners.map(({ fd }) => fd)],
      serialization: "json",
      // A folder that has been removed would fail every spawn. The app is told it has none when it asks.
      ...(existsSync(cwd) && { cwd }),
      env: { ...compileCache(), ...env },
    });
    this.#child.on("message", (message: FromWorker, handle: object | undefined) => this.#receive(message, handle));
    this.#child.on("error", (cause) => {
      this.#error ??=
        missingFiles() ?? new HeddleError("WORKER_DIED", `worker could not be started: ${cause.message}`, { cause });
      if (this.#child.pid === undefined) this.#end(null, null);
    });
    this.#child.on("exit", (code, signal) => {
      if (!this.#child.connected) return this.#end(code, signal);
      // After a look at the channel: on a machine so busy that the time was over at once, nothing has been read yet.
      const timer = setTimeout(() => setImmediate(() => this.#end(code, signal)), LAST_WORDS_MS);
      this.#child.once("disconnect", () => {
        clearTimeout(timer);
        this.#end(code, signal);
      });
    });
    this.#send({
      type: "boot",
      ...boot,
      listeners: listeners.map(({ kind }, i) => ({ kind, fd: FIRST_INHERITED_FD + i })),
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Connections it has, as far as known, with those still on their way to it. */
  get connections(): number {
    return this.#open + this.#handovers.size;
  }

  /** Whether it has no connection at all, nor one on its way, and would begin with one at once. */
  get isIdle(): boolean {
    return this.state === "serving" && this.#idle && this.connections === 0;
  }

  /** Whether it has been handed a connection and has not said that it has received it. */
  get isOffered(): boolean {
    return this.#handovers.size > 0;
  }

  /** Whether it has a connection and nothing waits there for its end. */
  get takesAhead(): boolean {
    return this.state === "serving" && this.#open > 0 && !this.isOffered;
  }

  /** Resolves when every thread has loaded the app. @throws HeddleError why it did not get there */
  async ready(): Promise<void> {
    const overdue = new HeddleError(
      "BOOT_TIMEOUT",
      `worker ${this.pid} was not ready within --boot-timeout (${this.#bootTimeoutMs} ms)`,
    );
    const timer = setTimeout(() => this.kill(overdue), this.#bootTimeoutMs + BOOT_MARGIN_MS);
    await this.#until("ready").finally(() => clearTimeout(timer));
  }

  /** Lets it take connections. Resolves to its addresses once it does. @throws HeddleError it died first */
  async serve(): Promise<readonly SocketAddress[]> {
    this.#send({ type: "serve" });
    const [addresses] = await this.#until("serving");
    return addresses;
  }

  stopAccepting(): void {
    this.#send({ type: "stop-accepting" });
  }

  hand(socket: Socket): void {
    const handle = handleOf(socket);
    if (handle === null) return;
    this.#handovers.add(socket);
    this.#child.send({ type: "connection" } satisfies ToWorker, sendable(handle), () => {
      // A hand-over that failed is noticed when the worker is gone: its unconfirmed sockets come back then.
    });
  }

  /** Under `sync`: wants back what the worker has not begun with. It comes as `returned`, or was begun. */
  recall(): void {
    this.#send({ type: "recall" });
  }

  /** Sockets handed over that the worker has not confirmed; to be called when it is gone. */
  takeBack(): Socket[] {
    return this.#handovers.takeBack();
  }

  report(): Promise<WorkerReport | undefined> {
    return this.#ask("report") as Promise<WorkerReport | undefined>;
  }

  threads(): Promise<readonly ThreadView[] | undefined> {
    return this.#ask("threads") as Promise<readonly ThreadView[] | undefined>;
  }

  /** Its part of the server's limits has changed. */
  tellShare(share: GateShare): void {
    this.#send({ type: "share", share });
  }

  /** For sessions to come. */
  tellTicketKeys(keys: TicketKeys): void {
    this.#send({ type: "ticket-keys", keys });
  }

  /** Its drain begins; it goes on taking connections until `drain`. */
  drainSoon(reason: DrainReason, deadlineMs: number): void {
    if (this.state === "serving") this.#send({ type: "drain-soon", reason, deadlineMs });
  }

  /** May be repeated with a more urgent reason, or a nearer deadline. */
  drain(reason: DrainReason, deadlineMs: number): void {
    if (this.state === "gone") return;
    this.state = "draining";
    this.#send({ type: "drain", reason, deadlineMs });
  }

  /** `error`: why, for the `gone` event; undefined when it is wanted. */
  kill(error: HeddleError | undefined): void {
    if (this.state === "gone") return;
    this.#error ??= error;
    this.#child.kill("SIGKILL");
  }

  /** The graceful timeout is over. */
  cutShort(): void {
    this.wasCutShort = true;
    this.kill(
      new HeddleError("WORKER_DIED", `worker ${this.pid} was still busy after --graceful-timeout and was killed`),
    );
  }

  #until<E extends "ready" | "serving">(event: E): Promise<WorkerEvents[E]> {
    const { promise, resolve, reject } = Promise.withResolvers<WorkerEvents[E]>();
    const fail = (error: HeddleError | undefined): void =>
      reject(error ?? new HeddleError("WORKER_DIED", `worker ${this.pid} left before it was ${event}`));
    if (this.state === "gone") fail(this.#error);
    this.once(event, ((...args: WorkerEvents[E]) => resolve(args)) as never);
    this.once("gone", fail);
    return promise;
  }

  #ask(question: "report" | "threads"): Promise<unknown> {
    if (this.state === "gone") return Promise.resolve(undefined);
    return this.#questions.ask((id) => this.#send({ type: "ask", id, question }));
  }

  #send(message: ToWorker): void {
    // Writing to a worker that has just died fails; its exit is on the way and tells the story.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  #receive(message: FromWorker, handle: object | undefined): void {
    this.beatMs = monotonicMs();
    switch (message.type) {
      case "ready":
        if (this.state !== "starting") break;
        this.state = "ready";
        this.readyMs = monotonicMs();
        this.modules = message.modules;
        this.app = message.app;
        this.emit("ready");
        break;
      case "boot-failed":
        this.modules = message.modules;
        this.#error = fromWire(message.error);
        break;
      case "serving":
        if (this.state === "ready") {
          this.state = "serving";
          // Until the first heartbeat says otherwise.
          this.healthyThreads = 1;
          this.#idle = true;
        }
        this.emit("serving", message.addresses);
        break;
      case "load":
        this.#open = message.open;
        this.#idle = message.idle;
        if (this.#handovers.confirm(message.received) || this.isIdle) this.emit("turn");
        break;
      case "beat":
        this.openThreads = message.openThreads;
        this.healthyThreads = message.healthyThreads;
        break;
      case "answer":
        this.#questions.answer(message.id, message.answer);
        break;
      case "return":
        if (handle !== undefined) this.emit("returned", unread({ handle }));
        break;
      case "not-begun":
        for (const socket of this.#handovers.takeBack()) this.emit("returned", socket);
        break;
      case "retire-me":
        this.emit("retire-me", message.reason, message.detail);
        break;
      case "kill-me":
        this.kill(fromWire(message.error));
        break;
      case "drained":
        this.lastReport = message.report;
        if (message.cutShort) this.wasCutShort = true;
        break;
    }
  }

  #end(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.state === "gone") return;
    const wanted = this.state === "draining" && code === 0;
    // It died of something else than its drain, and what it had with it.
    if (this.state === "draining" && !wanted) this.wasCutShort = true;
    this.state = "gone";
    this.#questions.giveUp();
    if (!wanted && this.#error === undefined) {
      const how = signal === null ? `exited with code ${code}` : `was killed by ${signal}`;
      this.#error = missingFiles() ?? new HeddleError("WORKER_DIED", `worker ${this.pid} ${how}`);
    }
    this.emit("gone", this.#error);
  }
}
