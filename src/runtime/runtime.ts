/**
 * The runtime: communicating threads of one program. It knows no tasks, no actors and no HTTP; these are services on it.
 *
 *   root ── the thread that uses the runtime first: the main thread, or any worker_thread
 *    ├── scheduler threads   started when something is placed on them, as many as `setSchedulerThreads` says
 *    ├── blocking threads    for code that blocks
 *    └── in a server         its threads that run the app, each from its first `runtime()` on (door.ts). The root is the
 *                            worker's acceptor then, which runs no code of the app
 *   and a link (a pair of message ports) between any two of them.
 *
 * How to build on it
 *     const service = { name: "echo", module: import.meta.url, receive(from, payload) { … }, threadGone(thread, why) { … } };
 *     runtime().openService(service);              // at the top level of the module
 *     runtime().post(thread, "echo", { … });       // there the module is imported, if it is not, and `receive` called
 *     runtime().place("scheduler");                // the least loaded thread
 *     runtime().board.add(thread, LOAD.queued, 1)  // its load: keep the board up to date
 *
 * Guarantees for a service
 * - Between two threads every message arrives once, in the order of posting, whichever service posted it. A message is lost
 *   only when the receiving thread dies.
 * - `post` batches the messages of one loop turn (thread-link.ts). Its payload must be cloneable and must not change any
 *   more. For a user's value use `postNow`, which throws at the call if it can't be cloned, or copy it before.
 * - `threadGone` is called once on every thread for each that ended, after all of its messages were received. From then on
 *   `post` to it returns false. Its id is not used again.
 * - A dead thread is replaced when something is placed next. The delay grows if threads die while they start.
 * - The runtime keeps a program alive only while some thread has work (termination-detection.ts). Code on the root that waits
 *   for an answer from another thread calls `retain` and `release`.
 *
 * A function is never sent to a thread: modules are imported by URL. Rejected: a broker on the root that forwards messages
 * (two hops instead of one, and the root's own work would delay all threads).
 */

import type { MessagePort, Transferable } from "node:worker_threads";
import { HeddleError, fromWire } from "../errors/errors.ts";
import { availableCpus } from "../config/cpus.ts";
import { monotonicMs } from "../kit/clock.ts";
import { setTimeout } from "../kit/native-timers.ts";
import { Heartbeat } from "../supervise/heartbeat.ts";
import { birth } from "./birth.ts";
import { enter } from "./door.ts";
import type { AdoptedThreads } from "./threads/adopted-threads.ts";
import { OF_A_PROGRAM, type RootOptions } from "./threads/root-options.ts";
import { Root } from "./threads/root.ts";
import { SpinBeforePark } from "./threads/spin-before-park.ts";
import { Link } from "./thread-link.ts";
import { exposeTurns } from "./turn-handle.ts";
import { isMade, perThread } from "../kit/per-thread.ts";
import { leastLoaded } from "./threads/thread-placement.ts";
import type { Birth, Control, Counts, Member, Role } from "./threads/thread-protocol.ts";
import { IdleAnswer, TerminationDetector } from "./threads/termination-detection.ts";
import { type Service, Services } from "./services.ts";
import { LOAD, ThreadBoard } from "./threads/thread-board.ts";
import type { RunawayThreads } from "./threads/runaway-threads.ts";

export { LOAD, ThreadBoard } from "./threads/thread-board.ts";
export type { Member, Role } from "./threads/thread-protocol.ts";
export type { Service } from "./services.ts";

export const ROOT = 0;

interface Departure {
  drained: boolean;
  why?: HeddleError;
}

/** Between two looks at threads that are to end. */
const LOOK_MS = 10;

/** The watchdog suspects a thread after two of them. */
const BEAT_MS = 100;

export class Runtime {
  /** This thread. */
  readonly self: number;
  readonly role: Member["role"];
  /** The threads of a server's worker are its members. */
  readonly isServers: boolean;
  readonly board: ThreadBoard;
  readonly #services = new Services();
  readonly #beat: Heartbeat;
  readonly #links = new Map<number, Link>();
  readonly #members = new Map<number, Member>();
  readonly #departures = new Map<number, Departure>();
  readonly #root: Root | undefined;
  /** On the root: scheduler threads join by themselves. */
  readonly #joinLater: () => boolean;
  readonly #quiet: TerminationDetector | undefined;
  readonly #idle: IdleAnswer | undefined;
  #unplaced: { readonly role: Role; readonly go: (thread: number | undefined) => void }[] = [];
  /** Messages received, of the kind that the board counts. */
  #arrived = 0;
  /** Undefined on one CPU. */
  readonly #lingering: SpinBeforePark | undefined =
    availableCpus() > 1
      ? new SpinBeforePark(
          () => this.board.read(this.self, LOAD.posted) !== this.#arrived,
          () => this.#links.forEach((link) => link.receiveNow()),
        )
      : undefined;

  constructor(told: Birth["heddleRuntime"] | undefined, options: RootOptions = OF_A_PROGRAM) {
    this.self = told?.self.id ?? ROOT;
    this.role = told?.self.role ?? "root";
    this.isServers = told?.isServers ?? options.isServers;
    this.#joinLater = options.hasSchedulers;
    this.board = new ThreadBoard(told?.board);
    this.#beat = new Heartbeat({
      everyMs: BEAT_MS,
      beat: (nowMs) => this.board.beat(this.self, nowMs),
      goesOn: () => {
        if (this.board.load(this.self) > 0) return true;
        // What is placed here next must not be taken for work since the last beat.
        this.board.beat(this.self, 0);
        return false;
      },
    });
    this.#members.set(this.self, { id: this.self, role: this.role });
    if (told === undefined) {
      this.#root = new Root(
        {
          board: this.board,
          tell: (thread, control, transfer) => this.#links.get(thread)?.postNow("", control, transfer),
          attach: (member, port) => this.#attach(member, port),
          ended: (id, why, neverBegan) => this.#ended(id, why, neverBegan),
        },
        options,
      );
      if (!options.isServers)
        this.#quiet = new TerminationDetector({
          ask: (thread, round) => this.#control(thread, { type: "ask", round }),
          threads: () => [...this.#links.keys()],
          counts: () => this.counts(),
          unfinished: () => this.#services.unfinished(),
          ending: () => this.#services.ending(),
        });
    } else {
      // The owner of an adopted thread keeps it alive, and ends it.
      this.#idle = told.isAdopted
        ? undefined
        : new IdleAnswer((round) => {
            this.#control(ROOT, {
              type: "quiet",
              round,
              counts: this.counts(),
              unfinished: this.#services.unfinished().length,
            });
            this.#links.get(ROOT)?.flush();
          });
      for (const { port, ...member } of told.peers) this.#attach(member, port);
      // After process.exit() no turn is left in which to send the messages of this one.
      process.on("exit", () => this.#links.forEach((link) => link.flush()));
    }
  }

  /** On the root. */
  get adopted(): AdoptedThreads | undefined {
    return this.#root?.adopted;
  }

  /** On the root. */
  get runaways(): RunawayThreads | undefined {
    return this.#root?.runaways;
  }

  /** All living threads, this one included. */
  threads(): IterableIterator<number> {
    return this.#members.keys();
  }

  has(thread: number): boolean {
    return this.#find(thread) !== undefined;
  }

  roleOf(thread: number): Member["role"] | undefined {
    return this.#find(thread)?.role;
  }

  /** The root may have told of it, in a message that has not been received. */
  #find(thread: number): Member | undefined {
    const known = this.#members.get(thread);
    if (known !== undefined || this.#root !== undefined) return known;
    this.#links.get(ROOT)?.receiveFirst(isNewMember);
    return this.#members.get(thread);
  }

  #linkTo(thread: number): Link | undefined {
    return this.#links.get(thread) ?? (this.#find(thread) && this.#links.get(thread));
  }

  openService(service: Service): void {
    this.#services.open(service);
  }

  /** Sends it with the next batch. False: there is no such thread, or no longer. */
  post(to: number, service: string, payload: unknown): boolean {
    const link = this.#linkTo(to);
    if (link === undefined) return false;
    if (!link.told.has(service)) this.#tell(link, service);
    link.post(service, payload);
    this.#quiet?.stir();
    return true;
  }

  /** Whether the payload was posted to that thread last and has not been sent. Then it may still be extended. */
  isOpen(to: number, payload: unknown): boolean {
    return this.#links.get(to)?.isOpen(payload) === true;
  }

  /** Sends at once, after what was posted before. Throws NOT_CLONEABLE if the payload cannot be cloned. */
  postNow(to: number, service: string, payload: unknown, transfer?: readonly Transferable[]): boolean {
    const link = this.#linkTo(to);
    if (link === undefined) return false;
    if (!link.told.has(service)) this.#tell(link, service);
    link.postNow(service, payload, transfer);
    this.#quiet?.stir();
    return true;
  }

  /** Sends what was posted to other threads now, not when the current callback and its promises have run. */
  flush(): void {
    for (const link of this.#links.values()) link.flush();
  }

  /** Sets the most threads of a role. Threads beyond a lowered number stay, but nothing is placed on them. */
  resize(role: Role, threads: number): void {
    // On a server's threads the same module of the app says it, and none of them is the first.
    if (this.#root === undefined && !this.isServers) {
      throw new HeddleError("THREADS_INVALID", `the number of ${role} threads is set on the program's first thread.`);
    }
    this.board.resize(role, threads);
  }

  /** The most threads of a role. */
  size(role: Role): number {
    return this.board.size(role);
  }

  /**
   * Chooses where to run something: the least loaded thread of this role. If all are busy and more are allowed, the root starts
   * another one; other threads ask the root to. Undefined: there is none yet. On the root, that there can be none.
   */
  place(role: Role): number | undefined {
    const candidates = this.candidates(role).map((thread) => ({ thread, load: this.board.load(thread) }));
    const { thread, isBusy } = leastLoaded(candidates, this.self);
    if (!isBusy) return thread;
    if (this.#root === undefined) this.#control(ROOT, { type: "grow", role });
    return this.#root?.supervisor.grow(role) ?? thread;
  }

  /** After `place` has found none: calls it again when there is one, or when there can be none. */
  whenPlaceable(role: Role, go: (thread: number | undefined) => void): void {
    this.#unplaced.push({ role, go });
  }

  #placeable(role: Role): void {
    const waiting = this.#unplaced.filter((each) => each.role === role);
    this.#unplaced = this.#unplaced.filter((each) => each.role !== role);
    for (const { go } of waiting) go(this.place(role));
  }

  /** The threads of a role on which things are placed. */
  candidates(role: Role): number[] {
    const found: number[] = [];
    const size = this.board.size(role);
    for (const { id, role: has } of this.#members.values()) {
      if (has !== role || found.length >= size || this.#departures.has(id) || this.board.isClosed(id)) continue;
      found.push(id);
    }
    return found;
  }

  /** Something on this thread waits for another thread. Each call needs a matching `release`. */
  retain(): void {
    this.#quiet?.retain();
  }

  release(): void {
    this.#quiet?.release();
  }

  /** Ends a thread. All threads hear of it as of any other death. On the root only. */
  terminate(thread: number, why: HeddleError): void {
    if (this.#root?.supervisor.terminate(thread, why) !== true) return;
    // Nothing is placed on it from now on.
    this.#departures.set(thread, this.#departures.get(thread) ?? { drained: false });
  }

  /** A unit begins on this thread. From now on the thread is watched. Its service lowers `running` when the unit ends. */
  begins(): void {
    this.board.add(this.self, LOAD.running, 1);
    this.keepBeat();
  }

  /**
   * On a server's root, after all adopted threads: ends the threads that it has started. Units get until `deadlineMs` to end, by
   * `monotonicMs()`. Resolves to the number of threads whose units did not.
   */
  async end(deadlineMs: number): Promise<number> {
    const own = this.#root!.supervisor.close();
    for (const thread of own) this.#control(thread, { type: "stop" });
    this.flush();
    const isBusy = (thread: number): boolean => this.has(thread) && this.board.load(thread) > 0;
    while (own.some(isBusy) && monotonicMs() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const busy = own.filter(isBusy);
    for (const thread of own) this.terminate(thread, new HeddleError("THREAD_DIED", "the server has ended"));
    return busy.length;
  }

  /** While the board says that the thread has work. Call it for work that comes on no link, such as a server's request. */
  keepBeat(): void {
    if (!this.#beat.isKept && this.role !== "root") this.#beat.keep();
  }

  #attach(member: Member, port: MessagePort): void {
    this.#members.set(member.id, member);
    const link = new Link(member.id, port, {
      posted: () => {
        this.board.add(member.id, LOAD.posted, 1);
        this.#lingering?.stir();
      },
      arrived: () => {
        this.#arrived = (this.#arrived + 1) | 0;
        this.#lingering?.stir();
      },
      received: (service, payload) => this.#received(member.id, service, payload),
      closed: () => this.#depart(member.id, { drained: true }),
    });
    this.#links.set(member.id, link);
    this.#services.threadAdded(member);
    if (member.role === "scheduler" || member.role === "blocking") this.#placeable(member.role);
  }

  #received(from: number, name: string, payload: unknown): void {
    if (name === "") return this.#obey(from, payload as Control);
    this.#quiet?.stir();
    this.keepBeat();
    this.#services.deliver(from, name, payload);
  }

  #obey(from: number, control: Control): void {
    switch (control.type) {
      case "service":
        this.#services.expect(control.name, control.module);
        break;
      case "added":
        this.#attach({ id: control.peer.id, role: control.peer.role }, control.peer.port);
        break;
      case "gone":
        this.#ended(control.id, fromWire(control.why), control.neverBegan);
        break;
      case "grow":
        this.#grow(from, control.role);
        break;
      case "no-room":
        this.#placeable(control.role);
        break;
      case "stop":
        this.#services.stop();
        break;
      case "ready":
        this.#root?.supervisor.ready(from);
        break;
      case "ask":
        this.#idle?.ask(control.round);
        break;
      case "quiet":
        this.#quiet?.answered(from, control);
        break;
    }
  }

  /** On the root: this thread has found that all are busy. */
  #grow(from: number, role: Role): void {
    const candidates = this.candidates(role);
    if (candidates.some((thread) => this.board.load(thread) === 0)) return;
    if (
      this.#root!.supervisor.grow(role) === undefined &&
      candidates.length === 0 &&
      !(role === "scheduler" && this.#joinLater())
    )
      this.#control(from, { type: "no-room", role });
  }

  #ended(id: number, why: HeddleError, neverBegan: boolean): void {
    this.#depart(id, neverBegan ? { why, drained: true } : { why });
  }

  /** A thread is gone when its link is empty and the reason of its end is known. */
  #depart(id: number, news: Partial<Departure>): void {
    if (!this.#members.has(id)) return;
    const departure = this.#departures.get(id) ?? { drained: false };
    this.#departures.set(id, Object.assign(departure, news));
    if (!departure.drained || departure.why === undefined) return;
    this.#departures.delete(id);
    this.#members.delete(id);
    this.#links.get(id)?.close();
    this.#links.delete(id);
    this.#quiet?.gone(id);
    this.#services.threadGone(id, departure.why);
    this.#root?.supervisor.forget(id);
    this.#root?.roster.forget(id);
  }

  #tell(link: Link, service: string): void {
    const module = this.#services.moduleOf(service);
    if (module === undefined) throw new HeddleError("INTERNAL", `the service "${service}" is not open on this thread.`);
    link.told.add(service);
    link.post("", { type: "service", name: service, module } satisfies Control);
  }

  #control(to: number, control: Control): void {
    this.#links.get(to)?.post("", control);
  }

  /** How many messages of services this thread has sent and received, by the other thread. */
  counts(): Counts {
    return Object.fromEntries([...this.#links].map(([thread, { sent, received }]) => [thread, [sent, received]]));
  }

  /** Called by the thread's entry module: messages can be sent to it. */
  announce(): void {
    this.#control(ROOT, { type: "ready" });
  }
}

/**
 * The runtime as this thread sees it. The first call in a program makes its thread the root. On a server's thread the first
 * call makes it a member of its worker's.
 *
 * @throws HeddleError THREAD_NOT_JOINED
 */
export function runtime(): Runtime {
  return (instance ??= perThread("runtime", () => {
    const told = birth() ?? enter();
    // Before anything runs on it that could be ended.
    if (told !== undefined) exposeTurns();
    return new Runtime(told);
  }));
}

/** Makes this thread the root. Of a server, where nothing has used the runtime here. */
export function openRoot(options: RootOptions): Runtime {
  return (instance = perThread("runtime", () => new Runtime(undefined, options)));
}

let instance: Runtime | undefined;

/** Whether the runtime has started this thread. Unlike `runtime()`, this call makes no thread the root. */
export function isRuntimeThread(): boolean {
  return birth() !== undefined;
}

/** Whether `runtime()` would make nothing new of this thread. */
export function belongsToRuntime(): boolean {
  return isMade("runtime") || isRuntimeThread();
}

function isNewMember(service: string, payload: unknown): boolean {
  return service === "" && (payload as Control).type === "added";
}
