/**
 * A worker, the arbiter's side. The worker's own side is `server/worker/worker-main.ts`. The pool of its generation knows
 * whether it lives and what should happen to it. This class is the way to reach it.
 *
 * `gone` is emitted exactly once: after the process has ended and was reaped, and all of its messages were read. The end of a
 * process may be known before its last messages are.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter } from "node:events";
import { existsSync } from "node:fs";
import type { Socket } from "node:net";
import type { ServerConfig } from "../../../config/config.ts";
import { availableCpus } from "../../../config/cpus.ts";
import { compileCache } from "./compile-cache.ts";
import { fromWire, HeddleError } from "../../../errors/errors.ts";
import { COUNTER, type LoadRow } from "../../../supervise/load-board.ts";
import type { Driver, Member } from "../../../supervise/member.ts";
import type { SocketAddress } from "../../worker/accept/address.ts";
import type { Seat } from "../../worker/accept/worker-board.ts";
import {
  BROKEN,
  CHANNEL_FD,
  type FromWorker,
  type GateShare,
  type InheritedListener,
  TERMINATED,
  type ThreadView,
  type TicketKeys,
  type ToWorker,
  type WorkerBoot,
  type WorkerReport,
} from "../../worker/worker-protocol.ts";
import type { SocketWish } from "../../app/listen/app-sockets.ts";
import { canMoveChannel, leftAlone } from "../../../platform/node-internals/moved-channel.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import { isOneLoop } from "../../models/offload/dispatch/pools.ts";
import { handleOf, type SentHandle, sendable, unread } from "../../../platform/node-internals/handles.ts";
import type { AppSummary, DrainReason } from "../../worker/serving/serving-protocol.ts";
import { Handovers } from "../accept/handovers.ts";
import { appProcessFile, missingFiles, workerFile } from "./own-files.ts";
import { PendingRequests } from "../../../kit/pending-requests.ts";
import { workerFlags } from "./worker-flags.ts";

/** What a worker accepts on, and its seat on the board of all workers. */
export interface Accepts {
  readonly listeners: readonly InheritedListener[];
  readonly seat: (Seat & { readonly row: LoadRow }) | undefined;
}

/** Whether a worker's app runs on its main thread. */
export function runsOnMainThread(config: ServerConfig): boolean {
  return isOneLoop(config) && canMoveChannel;
}

export type WorkerState = "starting" | "ready" | "serving" | "draining" | "gone";

type Outcome = (ToWorker & { type: "app-socket" })["outcome"];

interface WorkerEvents {
  /** A sign of life. */
  heard: [];
  /** Every thread has loaded the app. */
  loaded: [];
  serving: [addresses: readonly SocketAddress[]];
  /** Its instances may have changed, or whether they take requests. */
  instances: [];
  /** It has received a connection (under `sync`: begun it), or has none any more. */
  turn: [];
  returned: [socket: Socket];
  /** For the worker with this pid, and counted in its row. undefined: its client has left. */
  "pass-on": [socket: Socket | undefined, pid: number];
  /** It wants to be recycled. Repeated with each heartbeat. */
  retire: [why: string, isBroken: boolean];
  /** A copy of the app on it listens on a socket beside the one that heddle serves. */
  "want-socket": [id: number, wish: SocketWish];
  "give-up-socket": [id: number];
  /** A thread of it can't be ended. */
  "kill-me": [error: HeddleError];
  gone: [error: HeddleError | undefined];
}

const EXIT_HINT =
  "All requests of this worker are lost then. Throw to fail one request; `heddle stop` ends the server.";
/** A worker without descriptors gets no connection for this long. */
const REST_MS = 1000;
/** A descendant that inherited the channel could keep it open after the worker's end. */
const LAST_WORDS_MS = 500;
/** A worker that does not answer within this time is stopped or overloaded, and reported as such. */
const ANSWER_TIMEOUT_MS = 2000;

export class WorkerHandle extends EventEmitter<WorkerEvents> implements Driver {
  readonly slot: number;
  readonly seat: Accepts["seat"];
  readonly generation: number;
  healthyThreads = 0;
  openThreads = 0;
  /** Its last report, sent when it left. */
  lastReport: WorkerReport | undefined;
  modules: readonly string[] = [];
  app: AppSummary | undefined;
  /** Those of its instances of the app that take requests from others. */
  instances: readonly string[] = [];
  /** It was told of those of the whole server. */
  knowsInstances = false;
  /**
   * It had to be ended before its app had: it cut requests, or it or a thread of it was killed, at the graceful timeout or
   * before. What was left (a request, `onStop`, the app's listeners for its end, a connection to another server of the app)
   * makes no difference.
   */
  wasCutShort = false;
  /** Resolves when it is gone. */
  readonly gone: Promise<void>;
  readonly #member: Member<Driver, HeddleError>;
  readonly #child: ChildProcess;
  readonly #questions = new PendingRequests(ANSWER_TIMEOUT_MS);
  readonly #handovers = new Handovers();
  /** The app runs on its main thread, and can end the process. */
  readonly #isAppProcess: boolean;
  /** It has said that it is drained. How it ends from then on is the app's. */
  #isDrained = false;
  #isServing = false;
  #open = 0;
  #idle = false;
  #error: HeddleError | undefined;
  #stopsSoon = false;
  #restsUntilMs = 0;

  /** `env`: the environment of its generation. */
  constructor(
    member: Member<Driver, HeddleError>,
    boot: Omit<WorkerBoot, "type" | "listeners" | "seat">,
    { listeners, seat }: Accepts,
    env: NodeJS.ProcessEnv,
  ) {
    super();
    this.slot = boot.slot;
    this.seat = seat;
    this.generation = boot.generation;
    this.#member = member;
    this.gone = new Promise((resolve) => this.once("gone", () => resolve()));
    this.#isAppProcess = runsOnMainThread(boot.config);
    const { cwd, found } = boot.config;
    const ownFlags = [...process.execArgv, ...(found?.nodeFlags ?? [])];
    const flags = workerFlags(availableCpus(), ownFlags, env["NODE_OPTIONS"]);
    const entry = this.#isAppProcess ? appProcessFile : workerFile;
    this.#child = spawn(process.execPath, [...flags, entry], {
      stdio: ["ignore", "inherit", "inherit", "ipc", ...listeners.map(({ fd }) => fd), ...(seat ? [seat.fd] : [])],
      serialization: "json",
      // A removed folder would make every spawn fail. Without it, the app gets an error only when it asks for its cwd.
      ...(existsSync(cwd) && { cwd }),
      env: { ...(this.#isAppProcess && leftAlone), ...compileCache(), ...env, HEDDLE_WORKER_INDEX: `${boot.slot}` },
    });
    this.#child.on("message", (message: FromWorker, handle: object | undefined) => this.#receive(message, handle));
    this.#child.on("error", (cause) => {
      this.#error ??=
        missingFiles() ?? new HeddleError("WORKER_DIED", `worker could not be started: ${cause.message}`, { cause });
      if (this.#child.pid === undefined) process.nextTick(() => this.#end(null, null));
    });
    this.#child.on("exit", (code, signal) => {
      if (!this.#child.connected) return this.#end(code, signal);
      // After one poll of the channel: on a very busy machine the time may be over before anything was read.
      const timer = setTimeout(() => setImmediate(() => this.#end(code, signal)), LAST_WORDS_MS);
      this.#child.once("disconnect", () => {
        clearTimeout(timer);
        this.#end(code, signal);
      });
    });
    this.#send({
      type: "boot",
      ...boot,
      listeners: listeners.map(({ kind }, i) => ({ kind, fd: CHANNEL_FD + 1 + i })),
      seat: seat && { fd: CHANNEL_FD + 1 + listeners.length, index: seat.index },
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get state(): WorkerState {
    const { name } = this.#member.state;
    if (name === "ready") return this.#isServing ? "serving" : "ready";
    return name === "killed" ? "draining" : name;
  }

  /** monotonicMs of the last sign of life. */
  get heardMs(): number {
    return this.#member.heardMs;
  }

  /** Its connections, as far as known, with those on their way to it. */
  get connections(): number {
    return (this.seat?.row.read(COUNTER.connections) ?? this.#open) + this.#handovers.size;
  }

  /** Whether it could not receive a connection a moment ago. */
  get rests(): boolean {
    return monotonicMs() < this.#restsUntilMs;
  }

  /** Whether it has no connection, none on its way, and would begin one at once. */
  get isIdle(): boolean {
    return this.state === "serving" && this.#idle && this.connections === 0;
  }

  /** Whether it was handed a connection that it has not confirmed. */
  get isOffered(): boolean {
    return this.#handovers.size > 0;
  }

  /** Whether it is busy, and has no prefetched connection. */
  get takesAhead(): boolean {
    return this.state === "serving" && this.#open > 0 && !this.isOffered;
  }

  /** Lets it take connections. Resolves to its addresses once it does. @throws HeddleError: it died first */
  serve(): Promise<readonly SocketAddress[]> {
    this.#send({ type: "serve" });
    const { promise, resolve, reject } = Promise.withResolvers<readonly SocketAddress[]>();
    this.once("serving", resolve);
    this.once("gone", (error) =>
      reject(error ?? new HeddleError("WORKER_DIED", `worker ${this.pid} left before it was serving`)),
    );
    return promise;
  }

  stopAccepting(): void {
    this.#send({ type: "stop-accepting" });
  }

  /** `isCounted`: in its row already. */
  hand(socket: Socket, isCounted: boolean = false): void {
    const handle = handleOf(socket);
    if (handle === null) {
      // Its client has left.
      if (isCounted) this.seat?.row.tryLower("connections");
      return;
    }
    const number = this.#handovers.add(socket, isCounted);
    this.#child.send({ type: "connection", number, isCounted } satisfies ToWorker, sendable(handle), () => {
      // A failed send shows when the worker is gone: its unconfirmed sockets come back then.
    });
  }

  /** Under `sync`: asks for the connection that the worker has not begun. It comes as `returned`, or was begun. */
  recall(): void {
    this.#send({ type: "recall" });
  }

  /** The sockets that the worker has not confirmed. Call it when the worker is gone. */
  takeBack(): Socket[] {
    return this.#handovers.takeBack();
  }

  report(): Promise<WorkerReport | undefined> {
    return this.#ask("report") as Promise<WorkerReport | undefined>;
  }

  threads(): Promise<readonly ThreadView[] | undefined> {
    return this.#ask("threads") as Promise<readonly ThreadView[] | undefined>;
  }

  /** The worker's share of the server's limits has changed. */
  tellShare(share: GateShare): void {
    this.#send({ type: "share", share });
  }

  /** The answer to `want-socket`. `handle`: what is given. */
  answerSocket(id: number, outcome: Outcome, handle?: SentHandle): void {
    const message: ToWorker = { type: "app-socket", id, outcome };
    if (handle === undefined) this.#send(message);
    else if (this.#child.connected) this.#child.send(message, sendable(handle), () => {});
  }

  /** For future sessions. */
  tellTicketKeys(keys: TicketKeys): void {
    this.#send({ type: "ticket-keys", keys });
  }

  /** Its drain begins, but it takes connections until `drain`. */
  drainSoon(reason: DrainReason, deadlineMs: number): void {
    this.#stopsSoon ||= reason === "stop";
    if (this.state === "serving") this.#send({ type: "drain-soon", reason, deadlineMs });
  }

  /** Those of the whole server that take requests now. */
  tellInstances(names: readonly string[]): void {
    this.knowsInstances = true;
    this.#send({ type: "instances", names });
  }

  drain(reason: string, deadlineMs: number): void {
    this.emit("instances");
    this.#send({ type: "drain", reason: reason as DrainReason, deadlineMs });
  }

  kill(): void {
    this.emit("instances");
    this.#child.kill("SIGKILL");
  }

  #ask(question: "report" | "threads"): Promise<unknown> {
    if (this.state === "gone") return Promise.resolve(undefined);
    return this.#questions.ask((id) => this.#send({ type: "ask", id, question }));
  }

  #send(message: ToWorker): void {
    // Writing to a worker that has just died fails. Its exit event follows.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  #receive(message: FromWorker, handle: object | undefined): void {
    this.emit("heard");
    switch (message.type) {
      case "ready":
        this.modules = message.modules;
        this.app = message.app;
        this.instances = message.instances;
        // Before it is told to serve.
        this.emit("instances");
        this.emit("loaded");
        break;
      case "boot-failed":
        this.modules = message.modules;
        this.#error = fromWire(message.error);
        break;
      case "serving":
        if (!this.#isServing) {
          this.#isServing = true;
          // Until the first heartbeat.
          this.healthyThreads = 1;
          this.#idle = true;
        }
        this.emit("serving", message.addresses);
        break;
      case "load":
        this.#open = message.open;
        this.#idle = message.idle;
        this.#confirm(message.received);
        break;
      case "beat":
        if (this.#handovers.isLate(monotonicMs())) this.#send({ type: "handed", upTo: this.#handovers.sent });
        this.openThreads = message.openThreads;
        this.healthyThreads = message.healthyThreads;
        if (message.instances.join() !== this.instances.join()) {
          this.instances = message.instances;
          this.emit("instances");
        }
        // The server stops. A SIGTERM to all of its processes reaches the worker as well.
        if (message.retire !== undefined && !this.#stopsSoon) this.emit("retire", message.retire, message.isBroken);
        break;
      case "answer":
        this.#questions.answer(message.id, message.answer);
        break;
      case "return":
        if (handle !== undefined) this.emit("returned", unread({ handle }));
        break;
      case "pass-on":
        this.#send({ type: "passed", id: message.id });
        this.emit("pass-on", handle && unread({ handle }), message.pid);
        break;
      case "pass-check":
        this.#send({ type: "pass-checked", upTo: message.upTo });
        break;
      case "not-begun":
        for (const socket of this.#handovers.takeBack()) this.emit("returned", socket);
        break;
      case "want-socket":
        this.emit("want-socket", message.id, message.wish);
        break;
      case "give-up-socket":
        this.emit("give-up-socket", message.id);
        break;
      case "not-received":
        this.#lost(message.from, message.upTo);
        break;
      case "kill-me":
        this.emit("kill-me", fromWire(message.error));
        break;
      case "drained":
        this.#isDrained = true;
        this.lastReport = message.report;
        if (message.cutShort) this.wasCutShort = true;
        break;
    }
  }

  /** It has no descriptors left. */
  #lost(from: number, upTo: number): void {
    const lost = this.#handovers.lost(from, upTo);
    if (lost.length === 0) return;
    this.#restsUntilMs = monotonicMs() + REST_MS;
    setTimeout(() => this.emit("turn"), REST_MS);
    for (const { isCounted } of lost) if (isCounted) this.seat?.row.tryLower("connections");
    for (const { socket } of lost) this.emit("returned", socket);
  }

  #confirm(received: number): void {
    const confirmed = this.#handovers.confirm(received);
    if (confirmed === "some" || this.isIdle) this.emit("turn");
    if (confirmed !== "impossible") return;
    const sent = `${this.#handovers.size} are on their way to it`;
    this.emit(
      "kill-me",
      new HeddleError("INTERNAL", `worker ${this.pid} counts ${received} connections received, and ${sent}`),
    );
  }

  #end(code: number | null, signal: NodeJS.Signals | null): void {
    const { state, error } = this.#member;
    if (state.name === "gone") return;
    const isLeaving = state.name === "draining" && (code === 0 || this.#isDrained);
    const isWanted = isLeaving || (state.name === "killed" && error === undefined);
    // It did not die from its drain, so its requests were lost. Or the app's own end took too long: it was killed during that.
    if (state.name === "draining" && (!isWanted || signal === "SIGKILL")) this.wasCutShort = true;
    this.#questions.giveUp();
    const cause = error ?? this.#error ?? missingFiles();
    this.emit("gone", isWanted ? undefined : (cause ?? this.#whyEnded(code, signal)));
  }

  #whyEnded(code: number | null, signal: NodeJS.Signals | null): HeddleError {
    const { pid } = this;
    if (signal !== null) return new HeddleError("WORKER_DIED", `worker ${pid} was killed by ${signal}`);
    if (code === TERMINATED)
      return new HeddleError("WORKER_DIED", `worker ${pid} got a SIGTERM before it was ready, and has ended`);
    if (!this.#isAppProcess || code === BROKEN)
      return new HeddleError("WORKER_DIED", `worker ${pid} exited with code ${code}`);
    if (this.#member.state.name === "starting" || this.#member.readyMs === undefined)
      return new HeddleError("APP_EXITED", `the app ended its process while it was loading (process.exit(${code})).`);
    const message = `the app ended worker ${pid} itself (process.exit(${code}))`;
    return new HeddleError("APP_EXITED", message, { hint: EXIT_HINT });
  }
}
