/**
 * A thread's gate whose limit follows the knee. The acceptor decides on the limit (adaptive-limit.ts), from what the threads write into
 * their rows. Here is what happens to a request while the server is overloaded, as CoDel says:
 *
 *   read ─▶ it has waited for too long: shed
 *     └───▶ waits ─▶ all that have come meanwhile are read ─▶ the newest is let in ─▶ those that have waited for too long are shed
 *
 * - The newest is served first, since its client is the likeliest to be still there. A handler that computes keeps its thread from
 *   reading, so that the queue is in the kernel, oldest first. So all of it is read before one is let in. For handlers that answer in
 *   no time that would be slow: the thread reads again when it has let others in for a millisecond.
 * - Too long is over twice the target, the time in the kernel included. But if this thread has let in nobody since the request came,
 *   and a slot is free, the machine was busy with something else: to shed it would serve nobody.
 * - One that finds the queue full takes the place of the oldest.
 *
 * A queue that is not overloaded is first come, first served, and its waits end with the queue timeout. Requests of routes with
 * priority are never shed for their delay, and are let in as soon as they are read.
 */

import { setImmediate } from "../../../../kit/native-timers.ts";
import type { Exchange } from "../../exchange.ts";
import type { WaitEnd } from "../../../models/model.ts";
import { Gate, type GateHandle, type Waiter } from "../gate.ts";
import { CoDel } from "./codel.ts";
import { Board, ROW, type Row } from "./memory.ts";

/** Asking costs a system call. Fifty answers in an interval of 100 ms tell whether the queue stands. */
const ASK_MS = 2;

/** What the kernel tells may be too much by one of its ticks. */
const TICK_MS = 4;

/** Under overload, requests are let in for so long before the thread reads again. */
const LET_IN_MS = 1;

export class AdaptiveGate extends Gate {
  readonly #row: Row;
  readonly #board: Board;
  readonly #codel = new CoDel();
  #askedMs = -Infinity;
  /** When a request was last let in. */
  #letInMs = -Infinity;

  readonly #clock: () => number;

  constructor(handle: GateHandle, queueTimeoutMs: number, clock: () => number = () => performance.now()) {
    super(handle, queueTimeoutMs);
    this.#clock = clock;
    const { row, board } = handle.adaptive!;
    this.#row = new Float64Array(row);
    this.#board = new Board(board);
  }

  /** Whether it is to be found out for how long the next request has waited in the kernel: for each under overload, else for some. */
  asksKernel(nowMs: number): boolean {
    if (!this.#codel.overloaded && nowMs - this.#askedMs < ASK_MS) return false;
    this.#askedMs = nowMs;
    return true;
  }

  /**
   * A request has come. Whether it is to be shed, because it has waited in the kernel for too long: for `waitedMs`. undefined: that was
   * not asked, which is never so under overload.
   */
  sheds(isUrgent: boolean, waitedMs: number | undefined, nowMs: number): boolean {
    this.#row[ROW.arrivals]!++;
    if (!this.#isLate(isUrgent, waitedMs, nowMs)) return false;
    this.#row[ROW.shedDelayed]!++;
    this.#codel.shed();
    return true;
  }

  #isLate(isUrgent: boolean, waitedMs: number | undefined, nowMs: number): boolean {
    if (waitedMs === undefined) return false;
    const oldest = this.waiters.first;
    const { slots } = this;
    this.#codel.arrived(waitedMs === 0 && oldest === undefined && slots.taken < slots.limit);
    this.#observe(waitedMs + (oldest === undefined ? 0 : nowMs - oldest.sinceMs), nowMs);
    if (isUrgent || waitedMs <= this.#codel.patienceMs(this.#board.targetMs)) return false;
    return this.#hasLetInSince(nowMs - waitedMs);
  }

  #hasLetInSince(ms: number): boolean {
    return ms + TICK_MS <= this.#letInMs;
  }

  /** Overloaded, those without priority wait until all that have come are read, if there is a place to wait (`--queue 0` has none). */
  override tryEnter(isUrgent: boolean = false): boolean {
    const mayEnter = isUrgent || !this.#codel.overloaded || this.slots.isQueueFull;
    const entered = mayEnter && super.tryEnter(isUrgent);
    if (entered) this.#letInMs = this.#clock();
    else if (!this.#codel.overloaded || this.#isFull) this.#row[ROW.foundFull]!++;
    return entered;
  }

  get #isFull(): boolean {
    return this.slots.taken >= this.slots.limit;
  }

  override enqueue(
    exchange: Exchange,
    sinceMs: number,
    done: (end: WaitEnd) => void,
    isUrgent: boolean = false,
  ): boolean {
    this.#dropDelayed(this.#clock());
    const counted = (end: WaitEnd): void => {
      if (end === "timed-out") this.#row[ROW.shedTimedOut]!++;
      else if (end === "delayed") this.#row[ROW.shedDelayed]!++;
      else if (end === "displaced") this.#row[ROW.shedQueueFull]!++;
      done(end);
    };
    const joined = super.enqueue(exchange, sinceMs, counted, isUrgent);
    if (!joined) this.#row[ROW.shedQueueFull]!++;
    return joined;
  }

  /** A request has its answer, `answerMs` after it began. undefined: it says nothing of how long answers take. */
  answered(answerMs: number | undefined, nowMs: number): void {
    if (answerMs !== undefined) {
      this.#row[ROW.answers]!++;
      this.#row[ROW.answerMs]! += answerMs;
      this.#row[ROW.inFlight]! += this.slots.taken;
    }
    this.#look(nowMs);
    this.release();
  }

  override release(): void {
    super.release();
    if (!this.handsOver && this.nextWaiter() !== undefined) this.lookSoon();
  }

  override sweep(nowMs: number): void {
    super.sweep(nowMs);
    this.#look(nowMs);
  }

  protected override get handsOver(): boolean {
    return !this.#codel.overloaded;
  }

  /** Immediates run when all that the kernel has is read. */
  protected override later(look: () => void): void {
    if (this.#codel.overloaded) setImmediate(look);
    else super.later(look);
  }

  protected override letIn(): boolean {
    if (!this.#codel.overloaded) return super.letIn();
    let nowMs = this.#clock();
    const untilMs = nowMs + LET_IN_MS;
    let next = this.nextWaiter();
    for (; next !== undefined && nowMs < untilMs && this.take(); next = this.nextWaiter()) {
      this.#letInMs = nowMs;
      this.leave(next).done("admitted");
      nowMs = this.#clock();
    }
    this.#dropDelayed(nowMs);
    return nowMs < untilMs;
  }

  protected override nextWaiter(): Waiter | undefined {
    if (!this.#codel.overloaded) return super.nextWaiter();
    return this.urgent.first ?? this.waiters.last;
  }

  protected override makesRoom(isUrgent: boolean): boolean {
    return super.makesRoom(isUrgent || this.#codel.overloaded);
  }

  #observe(delayMs: number, nowMs: number): void {
    this.#codel.observe(delayMs, nowMs, this.#board.targetMs);
    this.#row[ROW.mode] = this.#codel.overloaded ? 1 : 0;
  }

  /** An empty queue here is no sign that nobody waits: others may wait in the kernel. */
  #look(nowMs: number): void {
    const oldest = this.waiters.first;
    this.#observe(oldest === undefined ? Infinity : nowMs - oldest.sinceMs, nowMs);
    this.#dropDelayed(nowMs);
  }

  #dropDelayed(nowMs: number): void {
    if (!this.#codel.overloaded) return;
    const patienceMs = this.#codel.patienceMs(this.#board.targetMs);
    for (let oldest = this.waiters.first; oldest !== undefined; oldest = this.waiters.first) {
      if (nowMs - oldest.sinceMs <= patienceMs) return;
      if (!this.#isFull && !this.#hasLetInSince(oldest.sinceMs)) return;
      this.#codel.shed();
      this.leave(oldest).done("delayed");
    }
  }
}
