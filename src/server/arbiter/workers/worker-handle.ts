/**
 * A worker, the arbiter's side. The worker's own side is `server/worker/worker-main.ts`. The pool of its generation knows
 * whether it lives and what should happen to it. This class is the way to reach it: what it was told, what it has said. Its process
 * is `worker-process.ts`.
 *
 * `gone` is emitted exactly once.
 */

import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import type { ServerConfig } from "../../../config/config.ts";
import { fromWire, HeddleError } from "../../../errors/errors.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import type { LoadRow } from "../../../supervise/load-board.ts";
import type { Driver, Member } from "../../../supervise/member.ts";
import type { SocketAddress } from "../../worker/accept/address.ts";
import type { Seat } from "../../worker/accept/worker-board.ts";
import {
  type FromWorker,
  type GateShare,
  type InheritedListener,
  type ThreadView,
  type TicketKeys,
  type ToWorker,
  type WorkerBoot,
  type WorkerQuestion,
  type WorkerReport,
  type WorkerTotals,
} from "../../worker/worker-protocol.ts";
import type { LeakView, TreeView } from "../../worker/report/unit-views.ts";
import type { SocketWish } from "../../app/listen/app-sockets.ts";
import { canMoveChannel } from "../../../platform/node-internals/moved-channel.ts";
import { isOneLoop } from "../../models/offload/dispatch/pools.ts";
import { type SentHandle, unread } from "../../../platform/node-internals/handles.ts";
import type { AppSummary, DrainReason } from "../../worker/serving/serving-protocol.ts";
import { missingFiles } from "./own-files.ts";
import { WorkerConnections } from "./worker-connections.ts";
import { whyEnded } from "./why-ended.ts";
import { type ProcessEnd, WorkerProcess } from "./worker-process.ts";
import { PendingRequests } from "../../../kit/pending-requests.ts";

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

/** A few heartbeats may be late on a loaded machine. */
const SILENCE_MS = 3000;
/** A worker that does not answer within this time is stopped or overloaded, and reported as such. */
const ANSWER_TIMEOUT_MS = 2000;
/** A thread may take up to 40 s (report/watched-units.ts), and a worker has several. */
const LEAKS_TIMEOUT_MS = 600_000;

export class WorkerHandle extends EventEmitter<WorkerEvents> implements Driver {
  readonly slot: number;
  readonly seat: Accepts["seat"];
  readonly generation: number;
  healthyThreads = 0;
  openThreads = 0;
  /** As it has told last: it may be killed, and what was shown of its requests must not be taken back. */
  lastTotals: WorkerTotals | undefined;
  modules: readonly string[] = [];
  app: AppSummary | undefined;
  /** Those of its instances of the app that take requests from others. */
  instances: readonly string[] = [];
  /**
   * It had to be ended before its app had: it cut requests, or it or a thread of it was killed, at the graceful timeout or
   * before. What was left (a request, `onStop`, the app's listeners for its end, a connection to another server of the app)
   * makes no difference.
   */
  wasCutShort = false;
  /** Resolves when it is gone. */
  readonly gone: Promise<void>;
  readonly #member: Member<Driver, HeddleError>;
  readonly #process: WorkerProcess;
  readonly #questions = new PendingRequests(ANSWER_TIMEOUT_MS);
  readonly #connections: WorkerConnections;
  /** The app runs on its main thread, and can end the process. */
  readonly #isAppProcess: boolean;
  /** It has said that it is drained. How it ends from then on is the app's. */
  #isDrained = false;
  #isServing = false;
  #error: HeddleError | undefined;
  #stopsSoon = false;
  #toldInstances: string | undefined;

  /** `env`: the environment of its generation. */
  constructor(
    member: Member<Driver, HeddleError>,
    boot: Omit<WorkerBoot, "type" | "listeners" | "seat" | "preloads" | "nodeOptions">,
    accepts: Accepts,
    env: NodeJS.ProcessEnv,
  ) {
    super();
    this.slot = boot.slot;
    this.seat = accepts.seat;
    this.generation = boot.generation;
    this.#member = member;
    this.gone = new Promise((resolve) => this.once("gone", () => resolve()));
    this.#isAppProcess = runsOnMainThread(boot.config);
    this.#process = new WorkerProcess({
      boot,
      accepts,
      env,
      isAppProcess: this.#isAppProcess,
      received: (message, handle) => this.#receive(message, handle),
      ended: (end) => this.#end(end),
    });
    this.#connections = new WorkerConnections({
      process: this.#process,
      seat: this.seat,
      isServing: () => this.state === "serving",
      turn: () => this.emit("turn"),
      returned: (socket) => this.emit("returned", socket),
      failed: (error) => this.emit("kill-me", error),
    });
  }

  get pid(): number {
    return this.#process.pid;
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

  /** Whether it was heard from lately. If not, it is stopped or starved. */
  get isHeard(): boolean {
    return monotonicMs() - this.heardMs < SILENCE_MS;
  }

  /** Its connections, as far as known, with those on their way to it. */
  get connections(): number {
    return this.#connections.count;
  }

  /** Whether it could not receive a connection a moment ago. */
  get rests(): boolean {
    return this.#connections.rests;
  }

  /** Whether it lacks descriptors for another connection. */
  get isFull(): boolean {
    return this.#connections.isFull;
  }

  /** Whether it has no connection, none on its way, and would begin one at once. */
  get isIdle(): boolean {
    return this.#connections.isIdle;
  }

  /** Whether it was handed a connection that it has not confirmed. */
  get isOffered(): boolean {
    return this.#connections.isOffered;
  }

  /** Whether it is busy, and has no prefetched connection. */
  get takesAhead(): boolean {
    return this.#connections.takesAhead;
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

  /** Clients wait. If it is full, it closes idle connections. */
  makeRoom(): void {
    if (this.isFull) this.#send({ type: "make-room" });
  }

  /** `isCounted`: in its row already. */
  hand(socket: Socket, isCounted: boolean = false): void {
    this.#connections.hand(socket, isCounted);
  }

  /** Under `sync`: asks for the connection that the worker has not begun. It comes as `returned`, or was begun. */
  recall(): void {
    this.#send({ type: "recall" });
  }

  /** The sockets that the worker has not confirmed. Call it when the worker is gone. */
  takeBack(): Socket[] {
    return this.#connections.takeBack();
  }

  report(): Promise<WorkerReport | undefined> {
    return this.#ask("report") as Promise<WorkerReport | undefined>;
  }

  threads(): Promise<readonly ThreadView[] | undefined> {
    return this.#ask("threads") as Promise<readonly ThreadView[] | undefined>;
  }

  trees(): Promise<readonly TreeView[] | undefined> {
    return this.#ask("tree") as Promise<readonly TreeView[] | undefined>;
  }

  /** Each of its threads runs a full garbage collection, one after the other. */
  leaks(): Promise<readonly LeakView[] | undefined> {
    return this.#ask("leaks", LEAKS_TIMEOUT_MS) as Promise<readonly LeakView[] | undefined>;
  }

  /** The worker's share of the server's limits has changed. */
  tellShare(share: GateShare): void {
    this.#send({ type: "share", share });
  }

  /** The answer to `want-socket`. `handle`: what is given. */
  answerSocket(id: number, outcome: Outcome, handle?: SentHandle): void {
    const message: ToWorker = { type: "app-socket", id, outcome };
    if (handle === undefined) this.#send(message);
    else this.#process.sendWith(handle, message);
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

  /** Those of the whole server that take requests now. It is sent if it has changed. */
  tellInstances(names: readonly string[]): void {
    const told = names.join();
    if (told === this.#toldInstances) return;
    this.#toldInstances = told;
    this.#send({ type: "instances", names });
  }

  /** Resolves when its threads have read what they were told before, or have not for so long. */
  async catchesUp(patienceMs: number): Promise<void> {
    await this.#ask("threads", patienceMs);
  }

  drain(reason: string, deadlineMs: number): void {
    this.emit("instances");
    this.#send({ type: "drain", reason: reason as DrainReason, deadlineMs });
  }

  kill(): void {
    this.emit("instances");
    this.#process.kill();
  }

  #ask(question: WorkerQuestion, timeoutMs?: number): Promise<unknown> {
    if (this.state === "gone") return Promise.resolve(undefined);
    return this.#questions.ask((id) => this.#send({ type: "ask", id, question }), timeoutMs);
  }

  #send(message: ToWorker): void {
    this.#process.send(message);
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
          this.#connections.begin();
        }
        this.emit("serving", message.addresses);
        break;
      case "load":
        this.#connections.loaded(message);
        break;
      case "beat":
        this.#connections.look();
        this.openThreads = message.openThreads;
        this.healthyThreads = message.healthyThreads;
        if (message.instances.join() !== this.instances.join()) {
          this.instances = message.instances;
          this.emit("instances");
        }
        // The server stops. A SIGTERM to all of its processes reaches the worker as well.
        if (message.retire !== undefined && !this.#stopsSoon) this.emit("retire", message.retire, message.isBroken);
        break;
      case "totals":
        this.lastTotals = message.totals;
        break;
      case "answer":
        if ("counters" in message.answer) this.lastTotals = message.answer;
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
        for (const socket of this.#connections.takeBack()) this.emit("returned", socket);
        break;
      case "want-socket":
        this.emit("want-socket", message.id, message.wish);
        break;
      case "give-up-socket":
        this.emit("give-up-socket", message.id);
        break;
      case "not-received":
        this.#connections.lost(message);
        break;
      case "kill-me":
        this.emit("kill-me", fromWire(message.error));
        break;
      case "drained":
        this.#isDrained = true;
        this.lastTotals = message.report;
        if (message.cutShort) this.wasCutShort = true;
        break;
    }
  }

  #end(end: ProcessEnd): void {
    const { state, error, readyMs, drainReason } = this.#member;
    if (state.name === "gone") return;
    const isLeaving = state.name === "draining" && (end.code === 0 || this.#isDrained);
    const isWanted = isLeaving || (state.name === "killed" && error === undefined);
    // It did not die from its drain, so its requests were lost. Or the app's own end took too long: it was killed during that.
    if (drainReason !== undefined && (!isWanted || end.signal === "SIGKILL")) this.wasCutShort = true;
    this.#questions.giveUp();
    const cause = error ?? this.#error ?? end.startError ?? missingFiles();
    const wasReady = state.name !== "starting" && readyMs !== undefined;
    const worker = { pid: this.pid, isAppProcess: this.#isAppProcess, wasReady };
    this.emit("gone", isWanted ? undefined : (cause ?? whyEnded(worker, end)));
  }
}
