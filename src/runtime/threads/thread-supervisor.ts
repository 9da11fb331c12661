/**
 * The root's threads: starts them, links each with all the others, tells the others when one has ended.
 *
 * A thread has its id and its links at once, also when it is only to start later because threads keep dying while they
 * start: what is sent to it waits in the ports.
 */

import { MessageChannel } from "node:worker_threads";
import type { MessagePort, Transferable, Worker } from "node:worker_threads";
import { availableCpus } from "../../config/cpus.ts";
import { HeddleError, messageOf, toWire } from "../../errors/errors.ts";
import { monotonicMs } from "../../kit/clock.ts";
import type { Birth, Control, Introduction, Member, Role } from "./thread-protocol.ts";
import { Backoff } from "../../supervise/backoff.ts";
import { type Seat, SlotTable } from "../../supervise/slot-table.ts";
import { startThread } from "../../supervise/start-thread.ts";
import { MAX_THREADS, type ThreadBoard } from "./thread-board.ts";
import { setTimeout } from "../../kit/native-timers.ts";

/** Blocking threads mostly wait for the operating system, so there may be many more than CPUs; each costs some 10 MB. */
const BLOCKING_THREADS = 32;

export interface CrewContext {
  readonly board: ThreadBoard;
  readonly attach: (member: Member, port: MessagePort) => void;
  readonly tell: (thread: number, control: Control, transfer?: readonly Transferable[]) => void;
  /** There is a scheduler thread to be watched. */
  readonly watch: () => void;
  readonly ended: (id: number, why: HeddleError, neverBegan: boolean) => void;
}

interface Mate extends Member {
  readonly role: Role;
  worker: Worker | undefined;
  readyMs: number | undefined;
  /** Set when it is known, from the error it threw or from who ended it. */
  why: HeddleError | undefined;
}

export class ThreadSupervisor {
  readonly #context: CrewContext;
  readonly #mates = new Map<number, Mate>();
  readonly #policy = new Backoff();
  /** Rows of the board. In turn: other threads may write to the row of one that is gone, until they have heard of it. */
  readonly #rows = new SlotTable({ slots: MAX_THREADS, order: "in turn" });
  #notBeforeMs = 0;

  constructor(context: CrewContext) {
    this.#context = context;
    // The root's own.
    this.#rows.take();
    context.board.resize("scheduler", availableCpus());
    context.board.resize("blocking", BLOCKING_THREADS);
  }

  resize(role: Role, threads: number): void {
    this.#context.board.resize(role, threads);
  }

  /** Starts another thread of this role, if there may be more. */
  grow(role: Role): number | undefined {
    // One that is being ended leaves its place to another.
    const same = [...this.#mates.values()].filter((mate) => mate.role === role && mate.why === undefined).length;
    if (same >= this.#context.board.size(role)) return undefined;
    const row = this.#rows.take();
    return row && this.#start(role, idOf(row));
  }

  /** The scheduler threads that run, with the numbers Node gives them. */
  *schedulers(): Generator<readonly [thread: number, threadId: number]> {
    for (const { id, role, worker } of this.#mates.values()) {
      if (role === "scheduler" && worker !== undefined) yield [id, worker.threadId];
    }
  }

  ready(id: number): void {
    const mate = this.#mates.get(id);
    if (mate !== undefined) mate.readyMs = monotonicMs();
  }

  /** False: it does not run. */
  terminate(id: number, why: HeddleError): boolean {
    const mate = this.#mates.get(id);
    if (mate?.worker === undefined) return false;
    mate.why ??= why;
    void mate.worker.terminate();
    return true;
  }

  /** Its row may be used again. */
  forget(id: number): void {
    if (this.#mates.delete(id)) this.#rows.free(rowOf(id));
  }

  #start(role: Role, id: number): number {
    // Not when the one before was forgotten: others may have written to its row since.
    this.#context.board.clear(id);
    const member: Member = { id, role };
    const peers: Introduction[] = [];
    for (const mate of this.#mates.values()) {
      const { port1, port2 } = new MessageChannel();
      peers.push({ id: mate.id, role: mate.role, port: port1 });
      this.#context.tell(mate.id, { type: "added", peer: { ...member, port: port2 } }, [port2]);
    }
    const { port1, port2 } = new MessageChannel();
    peers.unshift({ id: 0, role: "root", port: port1 });
    const mate: Mate = { id, role, worker: undefined, readyMs: undefined, why: undefined };
    this.#mates.set(id, mate);
    this.#context.attach(member, port2);
    const birth: Birth = { heddleRuntime: { self: member, board: this.#context.board.buffer, peers } };
    const delayMs = this.#notBeforeMs - monotonicMs();
    if (delayMs <= 0) this.#boot(mate, birth);
    else setTimeout(() => this.#boot(mate, birth), delayMs).unref();
    return id;
  }

  #boot(mate: Mate, birth: Birth): void {
    const { peers } = birth.heddleRuntime;
    // Whoever has ended while this one waited has closed its port, and that cannot be handed over.
    const here = peers.filter(({ id, role }) => role === "root" || this.#mates.has(id));
    let worker: Worker;
    try {
      worker = start(mate, { heddleRuntime: { ...birth.heddleRuntime, peers: here } });
    } catch (error) {
      // Not at once: who asked for the thread has not been told which it is.
      process.nextTick(() => this.#failed(mate, error as HeddleError));
      return;
    }
    mate.worker = worker;
    if (mate.role === "scheduler") this.#context.watch();
    worker.on("error", (cause) =>
      this.#tell((mate.why ??= died(mate, `: ${messageOf(cause).replace(/\.$/, "")}`, cause))),
    );
    worker.on("exit", (code) => this.#ended(mate, mate.why ?? died(mate, ` with exit code ${code}`)));
    worker.unref();
  }

  #failed(mate: Mate, error: HeddleError): void {
    mate.why ??= error;
    this.#tell(mate.why);
    this.#ended(mate, mate.why, true);
  }

  #tell({ message, hint, cause }: HeddleError): void {
    const detail = hint ?? (cause instanceof Error ? cause.stack : undefined);
    process.emitWarning(`${message}. Another thread takes its place.`, {
      type: "HeddleWarning",
      code: "THREAD_DIED",
      ...(detail !== undefined && { detail }),
    });
  }

  #ended(mate: Mate, why: HeddleError, neverBegan: boolean = false): void {
    const nowMs = monotonicMs();
    const delayMs = this.#policy.died(mate.readyMs === undefined ? undefined : nowMs - mate.readyMs);
    this.#notBeforeMs = nowMs + delayMs;
    for (const other of this.#mates.keys()) {
      if (other !== mate.id) this.#context.tell(other, { type: "gone", id: mate.id, why: toWire(why), neverBegan });
    }
    this.#context.ended(mate.id, why, neverBegan);
  }
}

/** Unique while the program runs: a row's first thread has its number, and each later one MAX_THREADS more. */
function idOf({ slot, generation }: Seat): number {
  return generation * MAX_THREADS + slot;
}

function rowOf(id: number): Seat {
  return { slot: id % MAX_THREADS, generation: Math.floor(id / MAX_THREADS) };
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

function died(mate: Member, how: string, cause?: unknown): HeddleError {
  const message = `the ${mate.role} thread ${mate.id} has ended${how}`;
  return new HeddleError("THREAD_DIED", message, cause === undefined ? {} : { cause });
}
