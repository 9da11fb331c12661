/**
 * One pool of handler threads: an elastic pool between min and max. The board shows its demand.
 *
 * Invariants
 * - Never more than `max` threads live. After boot at least `min` are ready or starting, unless killed threads that are in native calls
 *   keep their places. Then the worker is replaced.
 * - Every serving thread has a link to every ready handler thread. It hears of that thread's end after all of the thread's
 *   messages.
 * - A thread is evicted only when it is idle. From then on the board lets nobody claim it.
 * - A thread's slot of the board is its place in the pool. No other living thread has it. Its id is never reused.
 */

import { EventEmitter } from "node:events";
import type { ServerConfig } from "../../../config/config.ts";
import { availableCpus } from "../../../config/cpus.ts";
import { count } from "../../../errors/count.ts";
import { HeddleError, messageOf, toWire } from "../../../errors/errors.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import { errorFields, type Log } from "../../../log/log.ts";
import { formatStack } from "../../../supervise/inspect/thread-stack.ts";
import { systemClock } from "../../../supervise/pool-clock.ts";
import type { Member } from "../../../supervise/member.ts";
import { Pool } from "../../../supervise/pool.ts";
import type { PoolSpec } from "../../models/offload/shared/offload-protocol.ts";
import { Board, MAX_SLOTS } from "../../models/offload/shared/pool-board.ts";
import { captureStack } from "../report/stack-capture.ts";
import { BOOT_GRACE_MS } from "../serving/boot-timeout.ts";
import type { DrainTimes } from "../serving/drain-times.ts";
import type { DrainReason, ListenerAddress } from "../serving/serving-protocol.ts";
import { appThread } from "../runtime/app-thread.ts";
import type { AppThread, WorkerRuntime } from "../runtime/worker-runtime.ts";
import type { AppSocketRelay } from "../app-socket-relay.ts";
import type { PoolReport } from "../worker-protocol.ts";
import { HandlerThreadHandle } from "./handler-thread-handle.ts";
import { toEvict } from "./idle-eviction.ts";
import { PoolLinks } from "./pool-links.ts";

export interface HandlerPoolOptions {
  readonly spec: PoolSpec;
  readonly config: ServerConfig;
  readonly address: ListenerAddress;
  readonly log: Log;
  readonly sockets: AppSocketRelay;
  readonly runtime: WorkerRuntime;
}

interface PoolEvents {
  added: [handler: HandlerThreadHandle];
  removed: [id: number, why: HeddleError];
  /** Native calls that do not return hold so many places that it can't have its minimum any more. */
  short: [why: string];
}

type HandlerMember = Member<HandlerThreadHandle, HeddleError>;

export class HandlerPool extends EventEmitter<PoolEvents> {
  readonly spec: PoolSpec;
  readonly board: Board;
  readonly links: PoolLinks;
  /** Threads that died, had to be killed, or were replaced after an uncaught exception. */
  restarts = 0;
  readonly #options: HandlerPoolOptions;
  readonly #pool: Pool<HandlerThreadHandle, HeddleError>;
  /** Threads that were killed at the end of their worker's drain. */
  #cutShort = 0;
  /** Its threads as the runtime knows them. */
  readonly #joining = new WeakMap<HandlerThreadHandle, AppThread>();
  /** The app's files that the threads have reported. */
  readonly #modules = new Set<string>();
  #drains: { readonly reason: DrainReason; readonly cutMs: number } | undefined;
  readonly #slots: number;
  readonly #looker: NodeJS.Timeout;
  #trimmer: NodeJS.Timeout | undefined;
  readonly #said = new Set<string>();

  constructor(options: HandlerPoolOptions) {
    super();
    const { config, spec } = options;
    this.spec = spec;
    this.#options = options;
    const slots = Math.min(spec.max, MAX_SLOTS);
    this.#slots = slots;
    this.board = new Board(Board.create(slots));
    this.links = new PoolLinks({
      board: this.board,
      // Under `tasks` others run beside it. A thread that is blocked is found by the next serving thread.
      timeoutMs: spec.model === "tasks" ? 0 : config.timeoutMs,
      kill: (id, why) => this.kill(id, why),
    });
    this.#looker = setInterval(() => this.#replaceLost(), LOOK_FOR_LOST_MS).unref();
    this.#pool = new Pool({
      rules: {
        kind: "elastic",
        // More at once would only slow each of them down.
        startingAtOnce: availableCpus(),
        firstAlone: true,
        refill: "after-kill",
        startTimeoutMs: config.bootTimeoutMs + BOOT_GRACE_MS,
        drainMs: config.gracefulTimeoutMs,
        drainMarginMs: 0,
        silenceMs: 0,
        killPatienceMs: KILL_PATIENCE_MS,
      },
      clock: systemClock,
      wanted: () => this.#wanted(),
      places: () => slots,
      spawn: (member) => this.#spawn(member),
      killError: (member, reason) => this.#killError(member, reason),
      onReady: (member) => this.#opened(member),
      onDrain: (member) => this.#drained(member),
      onLost: (member, restMs) => this.#lost(member, restMs),
      onGone: (member) => this.#gone(member),
      onStuck: (member) => this.#stuck(member),
      // It was killed because of a request, perhaps an orphaned one. That says nothing about the next thread.
      isDeath: (member) => member.error?.code !== "THREAD_BLOCKED" && !this.#endsWithRequest(member),
    });
  }

  /** Of its threads in the runtime. */
  get role(): AppThread["role"] {
    return this.spec.model === "tasks" ? "scheduler" : "handler";
  }

  joinRuntime(): void {
    for (const handler of this.#ready) handler.joinRuntime();
  }

  get handlers(): readonly HandlerThreadHandle[] {
    return this.#pool.members.map(({ driver }) => driver);
  }

  get #ready(): readonly HandlerThreadHandle[] {
    return this.handlers.filter(({ isReady }) => isReady);
  }

  report(): PoolReport {
    const ready = this.#ready;
    const counts = ready.map(({ seat }) => this.board.count(seat) + this.board.beside(seat));
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
    await this.#pool.boot();
    this.#pool.commit();
    this.#trimIdle();
    return [...this.#modules];
  }

  /** Without a trial, while its worker serves: a thread that does not boot is tried again. */
  open(): void {
    this.#pool.open();
    this.#trimIdle();
  }

  #trimIdle(): void {
    const { threadIdleMs } = this.#options.config;
    if (threadIdleMs > 0) this.#trimmer = setInterval(() => this.#trim(), trimIntervalMs(threadIdleMs)).unref();
  }

  /** Requests wait, or the last spare thread was claimed. The pool would notice within a second anyway. */
  want(): void {
    this.#pool.look();
  }

  kill(id: number, why: string): void {
    const member = this.#pool.members.find(({ serial }) => serial === id);
    if (member === undefined) return;
    this.board.close(member.driver.seat);
    void this.#killWithStack(member, `${member.driver.name} is ended: ${why}`);
  }

  /** Their worker drains. They still run new requests, as do threads that start from now on. */
  drain(reason: DrainReason, { cutMs }: DrainTimes): void {
    this.#drains = { reason, cutMs };
    for (const handler of this.handlers) handler.tellDrain(reason, cutMs);
  }

  /** Lets all of them run `onStop` and the app's own end, at most until `deadlineMs`. Resolves to the number that were killed then. */
  async stop(deadlineMs: number): Promise<number> {
    clearInterval(this.#trimmer);
    clearInterval(this.#looker);
    await this.#pool.close("stop", deadlineMs);
    return this.#cutShort;
  }

  /** The threads that exist plus those that are needed. `#trim` ends unneeded ones, one by one. */
  #wanted(): number {
    const { model, min } = this.spec;
    const ready = this.#ready;
    if (model === "tasks") return min;
    if (model === "threads") return Math.max(min, ready.length + this.board.waiting);
    const idle = ready.filter(({ seat }) => this.board.load(seat) === 0).length;
    return ready.length + Math.max(0, this.board.waiting + min - idle);
  }

  #spawn(member: HandlerMember): HandlerThreadHandle {
    const { config, address, log, spec, sockets, runtime } = this.#options;
    const { serial: id, place, generation } = member;
    const seat = { slot: place, generation };
    const handler = new HandlerThreadHandle(member, {
      config,
      address,
      pool: spec,
      board: this.board.buffer,
      id,
      seat,
    });
    handler.on("log", ({ level, fields, message, once }) => {
      if (once !== undefined && this.#said.has(once)) return;
      if (once !== undefined) this.#said.add(once);
      log[level]({ pool: spec.name, ...fields }, message);
    });
    sockets.connect(handler);
    const joining = appThread(handler, this.role, `${spec.name} ${member.place}`, (why) =>
      this.#wear(member, why, "a runaway actor"),
    );
    this.#joining.set(handler, joining);
    handler.on("join-runtime", (knock) => runtime.join(joining, knock));
    handler.once("ready", (modules) => {
      for (const file of modules) this.#modules.add(file);
      this.#pool.ready(member);
    });
    handler.once("used", () => this.#pool.drain(member, "used", monotonicMs() + END_MS));
    handler.once("tainted", (error) =>
      this.#wear(member, error, TOLD.has(error.code) ? undefined : "uncaught exception"),
    );
    handler.once("gone", (error) => {
      this.#pool.gone(member, error);
      runtime.left(joining, error);
    });
    return handler;
  }

  #opened({ driver: handler }: HandlerMember): void {
    handler.usedMs = monotonicMs();
    if (this.#drains !== undefined) handler.tellDrain(this.#drains.reason, this.#drains.cutMs);
    if (this.role === "scheduler" && this.#options.runtime.root !== undefined) handler.joinRuntime();
    this.board.open(handler.seat);
    this.emit("added", handler);
  }

  /** `what`: undefined if the error's own message says it. */
  #wear(member: HandlerMember, error: HeddleError, what: string | undefined): void {
    // A thread for one request ends anyway.
    const isReplaced = member.isReady && !this.#endsWithRequest(member);
    const { name, id } = member.driver;
    const told = what === undefined ? `${error.message} (on ${name})` : `${what} on ${name}`;
    this.#options.log.error(
      { pool: this.spec.name, handler: id, ...errorFields(error), err: toWire(error) },
      `${told}; the thread ${isReplaced ? "is replaced" : "has ended"}`,
    );
    if (!isReplaced) return;
    this.restarts++;
    member.driver.tellDrain("replace", monotonicMs() + this.#options.config.gracefulTimeoutMs);
    this.#pool.replace(member, "replace");
  }

  /**
   * Under `thread-per-request`: it has its only request. If it fails then, its place does not rest. Threads live for so short a time there
   * that good ones don't make up for bad ones: each bad request among thousands would take away more of the pool.
   */
  #endsWithRequest({ driver, readyMs }: HandlerMember): boolean {
    return this.spec.model === "thread-per-request" && readyMs !== undefined && this.board.count(driver.seat) > 0;
  }

  /** The board assigns it nothing more. It finishes what it has. */
  #drained(member: HandlerMember): void {
    const { driver } = member;
    this.board.close(driver.seat);
    this.#options.runtime.retire(this.#joining.get(driver)!);
    if (member.drainReason === "replace") this.#stopWhenSpent(member);
  }

  #stopWhenSpent(member: HandlerMember): void {
    if (member.state.name !== "draining") return;
    if (this.board.isSpent(member.driver.seat)) member.driver.stop();
    else setTimeout(() => this.#stopWhenSpent(member), LOOK_AGAIN_MS);
  }

  #killError({ driver, drainReason }: HandlerMember, reason: string): HeddleError {
    const { bootTimeoutMs, gracefulTimeoutMs } = this.#options.config;
    if (reason === "start-timeout") {
      const message = `a handler thread was not ready within --boot-timeout (${bootTimeoutMs} ms).`;
      return new HeddleError("BOOT_TIMEOUT", message);
    }
    const error = new HeddleError("HANDLER_DIED", `${driver.name} did not end in time and was killed`);
    if (!this.#pool.isClosing || drainReason === "used") return error;
    this.#cutShort++;
    const limit = `--graceful-timeout (${gracefulTimeoutMs} ms)`;
    const message = `${driver.name} is killed: the app's handler, onStop or SIGTERM listeners, or connections to its other servers, did not end within ${limit}`;
    this.#options.log.warn({ pool: this.spec.name, ...errorFields(error) }, message);
    return error;
  }

  #lost({ driver, error, readyMs, serial }: HandlerMember, restMs: number): void {
    const { log } = this.#options;
    const { name } = this.spec;
    if (readyMs === undefined) {
      const fields = { pool: name, delayMs: restMs, ...errorFields(error) };
      log.error(fields, `a handler thread of ${name} did not boot: ${messageOf(error)}`);
      return;
    }
    this.board.close(driver.seat);
    this.restarts++;
    log.error({ pool: name, handler: serial, ...errorFields(error) }, messageOf(error));
  }

  #gone({ driver, error, readyMs }: HandlerMember): void {
    if (readyMs === undefined) return;
    this.board.close(driver.seat);
    this.links.forget(driver);
    this.emit("removed", driver.id, error ?? new HeddleError("HANDLER_DIED", `${driver.name} was evicted`));
  }

  /** It was killed, and keeps its place until its native call returns: only the end of the process can free that. */
  #stuck({ driver }: HandlerMember): void {
    if (this.#pool.isClosing) return;
    const { name, min } = this.spec;
    const message = `${driver.name} is in a native call that cannot be ended. It keeps its place in the pool until that returns`;
    this.#options.log.error({ pool: name, handler: driver.id }, message);
    const stuck = this.#pool.members.filter(({ isStuck }) => isStuck).length;
    if (this.#slots - stuck >= Math.max(1, min)) return;
    this.emit(
      "short",
      `native calls that do not return hold ${stuck} of ${count(this.#slots, "thread")} of the pool ${name}`,
    );
  }

  /** Replaces threads that the board counts as busy although no serving thread has a job for them. */
  #replaceLost(): void {
    // Under `tasks` a thread that counts a job too many gets a little less to do, and nothing else is lost.
    if (this.spec.model === "tasks") return;
    for (const [{ id }, error] of this.links.lost()) {
      const member = this.#pool.members.find(({ serial }) => serial === id);
      if (member === undefined) continue;
      this.#options.log.error({ pool: this.spec.name, handler: id, ...errorFields(error) }, error.message);
      this.restarts++;
      this.#pool.drain(member, "idle", monotonicMs() + this.#options.config.gracefulTimeoutMs);
    }
  }

  async #killWithStack(member: HandlerMember, message: string): Promise<void> {
    const stack = await captureStack(member.driver.threadId, LAST_LOOK_MS);
    const where =
      stack === undefined
        ? "no stack: it is inside a native call, or the machine is too busy"
        : formatStack(stack.frames);
    this.#pool.kill(member, new HeddleError("THREAD_BLOCKED", `${message}\n${where}`));
  }

  /** Whether it has had requests since the last call, or has tasks or actors. */
  #takeUsed(handler: HandlerThreadHandle): boolean {
    const hadRequests = this.board.takeUsed(handler.seat);
    return this.#options.runtime.isUsed(this.#joining.get(handler)!) || hadRequests;
  }

  #trim(): void {
    const nowMs = monotonicMs();
    const members = this.#pool.members.filter(({ isReady }) => isReady);
    for (const { driver } of members) if (this.#takeUsed(driver)) driver.usedMs = nowMs;
    const idle = members.map(({ driver: { id, seat, usedMs } }) => ({ id, slot: seat.slot, idleMs: nowMs - usedMs }));
    const { threadIdleMs, gracefulTimeoutMs } = this.#options.config;
    for (const id of toEvict(idle, this.spec, threadIdleMs)) {
      const member = members.find(({ serial }) => serial === id)!;
      if (this.board.tryClose(member.driver.seat)) this.#pool.drain(member, "idle", nowMs + gracefulTimeoutMs);
    }
  }
}

/** Why a thread is to be replaced that reports no exception. */
const TOLD: ReadonlySet<string> = new Set(["SUPERVISION_FAILED", "THREAD_QUARANTINED"]);

/** No hurry: this happens only when a serving thread was ended between two instructions. */
const LOOK_FOR_LOST_MS = 1000;

/** Often enough to evict a thread at most a tenth of its idle time late. */
function trimIntervalMs(threadIdleMs: number): number {
  return Math.min(5000, Math.max(20, threadIdleMs / 10));
}

/** A killed thread in JavaScript ends within milliseconds, on a very busy machine within seconds. */
const KILL_PATIENCE_MS = 5000;
/** How long we wait for the stack. A thread that runs JavaScript answers within milliseconds. */
const LAST_LOOK_MS = 250;
const LOOK_AGAIN_MS = 10;
/** A thread that was used once must end within this, or it is killed. On a busy machine, its output may take as long. */
const END_MS = 500;
