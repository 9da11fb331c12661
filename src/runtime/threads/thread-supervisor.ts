/**
 * The root's threads: starts them, links each with all the others, tells the others when one has ended.
 *
 * A thread has its id and its links at once, also when it is only to start later because threads keep dying while they
 * start: what is sent to it waits in the ports.
 */

import { MessageChannel } from "node:worker_threads";
import type { MessagePort, Worker } from "node:worker_threads";
import { availableCpus } from "../../config/cpus.ts";
import { HeddleError, messageOf } from "../../errors/errors.ts";
import { setTimeout } from "../../kit/native-timers.ts";
import { backgroundClock } from "../../supervise/pool-clock.ts";
import type { Driver, Member as Supervised } from "../../supervise/member.ts";
import { Pool } from "../../supervise/pool.ts";
import { startThread } from "../../supervise/start-thread.ts";
import type { Admitted, Roster } from "./roster.ts";
import type { RuntimeWarning } from "./root-options.ts";
import type { ThreadBoard } from "./thread-board.ts";
import type { Birth, Member, Role } from "./thread-protocol.ts";

/** Blocking threads mostly wait for the operating system, so there may be many more than CPUs; each costs some 10 MB. */
const BLOCKING_THREADS = 32;

/** A thread that runs JavaScript ends in milliseconds. */
const ABANDON_MS = 1000;

export interface ThreadSupervisorContext {
  readonly board: ThreadBoard;
  readonly roster: Roster;
  readonly attach: (member: Member, port: MessagePort) => void;
  readonly warn: (warning: RuntimeWarning) => void;
  /** There is a scheduler thread to be watched. */
  readonly watch: () => void;
  /** How many threads of this role there may be, beside those that others have started. */
  readonly size: (role: Role) => number;
  readonly isServers: boolean;
}

/** A thread, or one that is to start when its place has rested. */
class RuntimeThread implements Driver, Member {
  readonly id: number;
  readonly role: Role;
  worker: Worker | undefined;
  /** Set when it is known, from the error it threw or from who ended it. */
  why: HeddleError | undefined;

  constructor(id: number, role: Role) {
    this.id = id;
    this.role = role;
  }

  drain(): void {}

  kill(): void {
    void this.worker?.terminate();
  }
}

type PoolMember = Supervised<RuntimeThread, HeddleError>;

export class ThreadSupervisor {
  readonly #context: ThreadSupervisorContext;
  /** A thread that has ended is among them until it is forgotten. */
  readonly #members = new Map<number, PoolMember>();
  #isClosed = false;
  readonly #pools: Readonly<Record<Role, Pool<RuntimeThread, HeddleError>>>;

  constructor(context: ThreadSupervisorContext) {
    this.#context = context;
    context.board.resize("scheduler", availableCpus());
    context.board.resize("blocking", BLOCKING_THREADS);
    this.#pools = { scheduler: this.#makePool("scheduler"), blocking: this.#makePool("blocking") };
  }

  /** Starts no thread any more. Returns those that there are. */
  close(): readonly number[] {
    this.#isClosed = true;
    return [...this.#members.keys()];
  }

  /** Starts another thread of this role, if there may be more. */
  grow(role: Role): number | undefined {
    if (this.#isClosed || this.#context.roster.isFull) return undefined;
    return this.#pools[role].add()?.driver.id;
  }

  /** The scheduler threads that run, with the numbers Node gives them. */
  *schedulers(): Generator<readonly [thread: number, threadId: number]> {
    for (const { driver } of this.#pools.scheduler.members) {
      if (driver.worker !== undefined) yield [driver.id, driver.worker.threadId];
    }
  }

  ready(id: number): void {
    const member = this.#members.get(id);
    if (member !== undefined) this.#pools[member.driver.role].ready(member);
  }

  /** False: it does not run. */
  terminate(id: number, why: HeddleError): boolean {
    const member = this.#members.get(id);
    if (member?.driver.worker === undefined) return false;
    member.driver.why ??= why;
    this.#pools[member.driver.role].kill(member, why);
    return true;
  }

  /**
   * Like `terminate`, for a thread that does not react. All others learn of its end, at the latest after a moment: it may be in
   * a native call, which ends when it returns.
   */
  quarantine(id: number, why: HeddleError): void {
    const member = this.#members.get(id);
    if (member === undefined || !this.terminate(id, why)) return;
    setTimeout(() => {
      if (this.#members.get(id) === member) this.#context.roster.left(id, why, true);
    }, ABANDON_MS).unref();
  }

  forget(id: number): void {
    this.#members.delete(id);
  }

  /** Threads are started when somebody asks for one; none is started again by itself. */
  #makePool(role: Role): Pool<RuntimeThread, HeddleError> {
    const pool: Pool<RuntimeThread, HeddleError> = new Pool({
      rules: {
        kind: "elastic",
        startingAtOnce: Infinity,
        firstAlone: false,
        refill: "at-once",
        startTimeoutMs: Infinity,
        drainMs: 0,
        drainMarginMs: 0,
        silenceMs: 0,
        killPatienceMs: Infinity,
      },
      clock: backgroundClock,
      lookMs: Infinity,
      wanted: () => 0,
      // One that is being ended leaves its place to another.
      places: () => this.#context.size(role) + pool.members.filter(({ state }) => state.name === "killed").length,
      spawn: (member) => this.#start(member, role, this.#context.roster.admit(role)),
      killError: ({ driver }) => died(driver, " because it took too long"),
    });
    pool.open();
    return pool;
  }

  #start(poolMember: PoolMember, role: Role, admitted: Admitted): RuntimeThread {
    const { board, isServers, attach } = this.#context;
    const { member } = admitted;
    const { port1, port2 } = new MessageChannel();
    const peers = [{ id: 0, role: "root", port: port1 } as const, ...admitted.peers];
    const thread = new RuntimeThread(member.id, role);
    this.#members.set(member.id, poolMember);
    attach(member, port2);
    const birth: Birth = {
      heddleRuntime: { self: member, board: board.buffer, peers, isServers, isAdopted: false },
    };
    // Whoever asked for the thread is told first which it is.
    if (poolMember.delayMs <= 0) this.#boot(poolMember, thread, birth);
    else setTimeout(() => this.#boot(poolMember, thread, birth), poolMember.delayMs).unref();
    return thread;
  }

  #boot(member: PoolMember, thread: RuntimeThread, birth: Birth): void {
    const { peers } = birth.heddleRuntime;
    // Whoever has ended while this one waited has closed its port, and that cannot be handed over.
    const here = peers.filter(({ id, role }) => role === "root" || this.#context.roster.has(id));
    let worker: Worker;
    try {
      worker = start(thread, { heddleRuntime: { ...birth.heddleRuntime, peers: here } });
    } catch (error) {
      // Not at once: who asked for the thread has not been told which it is.
      process.nextTick(() => this.#failed(member, error as HeddleError));
      return;
    }
    thread.worker = worker;
    if (thread.role === "scheduler") this.#context.watch();
    worker.on("error", (cause) =>
      this.#tell((thread.why ??= died(thread, `: ${messageOf(cause).replace(/\.$/, "")}`, cause))),
    );
    worker.on("exit", (code) => this.#ended(member, thread.why ?? died(thread, ` with exit code ${code}`)));
    worker.unref();
  }

  #failed(member: PoolMember, error: HeddleError): void {
    member.driver.why ??= error;
    this.#tell(member.driver.why);
    this.#ended(member, member.driver.why, true);
  }

  #tell({ message, hint, cause }: HeddleError): void {
    const detail = hint ?? (cause instanceof Error ? cause.stack : undefined);
    this.#context.warn({
      code: "THREAD_DIED",
      message: `${message}. Another thread takes its place.`,
      ...(detail !== undefined && { detail }),
    });
  }

  #ended(member: PoolMember, why: HeddleError, neverBegan: boolean = false): void {
    const { id, role } = member.driver;
    this.#pools[role].gone(member, why);
    this.#context.roster.left(id, why, neverBegan);
  }
}

function start({ role, id }: Member, birth: Birth): Worker {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const entry = new URL(`./thread-main.${extension}`, import.meta.url);
  return startThread(`the ${role} thread ${id}`, "THREAD_DIED", entry, {
    name: `heddle ${role} ${id}`,
    workerData: birth,
    transferList: birth.heddleRuntime.peers.map(({ port }) => port),
  });
}

function died(thread: Member, how: string, cause?: unknown): HeddleError {
  const message = `the ${thread.role} thread ${thread.id} has ended${how}`;
  return new HeddleError("THREAD_DIED", message, cause === undefined ? {} : { cause });
}
