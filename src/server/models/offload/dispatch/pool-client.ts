/**
 * A serving thread's access to a pool of handler threads: its part of the pool's queue, and the choice of a thread for each
 * request.
 *
 *   submit → a handler thread takes it at once, or it waits (`--queue`, `--queue-timeout`) → sent on a link (`handler-link.ts`)
 *                                                     └────→ sent ahead of its turn ────────────↗
 *
 * Invariants
 * - A request is in exactly one place: in the queue, or on one link. One that was sent ahead counts as waiting until the
 *   handler thread begins it.
 * - First come, first served on a serving thread. Between serving threads, a freed handler goes to the one that wakes first.
 * - The death of a handler thread never loses a request that has not started: it goes back to the head of the queue.
 * - Under `tasks` requests wait only if no thread takes one: all are blocked, or have more than they have begun so far. They were
 *   admitted already, so their number has no other limit than the gates'.
 */

import { monotonicMs } from "../../../../kit/clock.ts";
import type { HandledExchange } from "../../handled-exchange.ts";
import { AheadJobs } from "./job-prefetch.ts";
import {
  type Assignment,
  assign,
  assignTask,
  average,
  PATIENCE_MS,
  patienceMs,
  sendsAhead,
  SHORT_DEPTH,
  TASK_DEPTH,
  TASK_PATIENCE_MS,
} from "./assignment.ts";
import type { Board } from "../shared/pool-board.ts";
import { Link, type LinkOwner } from "./handler-link.ts";
import type { LinkEnd, PoolSpec } from "../shared/offload-protocol.ts";
import { RemoteJob } from "./remote-job.ts";
import { PendingJobs } from "./pending-jobs.ts";

export interface PoolClientOptions {
  readonly board: Board;
  /** The word for the number of its waiting requests. */
  readonly line: SharedArrayBuffer;
  readonly model: PoolSpec["model"];
  readonly spread: number;
  /** Under `tasks`: how long a request without a time limit may block its thread. */
  readonly loopLimitMs: number;
  readonly queue: number;
  readonly queueTimeoutMs: number;
  readonly serverTiming: boolean;
  /** More requests wait than handler threads are idle. */
  readonly wanted: () => void;
  /** The handler thread is past its time. */
  readonly kill: (id: number, why: string) => void;
  readonly failed: (exchange: HandledExchange, error: unknown) => void;
  readonly misframed: LinkOwner["misframed"];
  readonly shed: (exchange: HandledExchange, code: "OVERLOADED" | "QUEUE_TIMEOUT") => void;
}

/** The assumed run time before any was measured: handlers count as long. */
const UNKNOWN_MS = 1;

export class PoolClient {
  readonly #options: PoolClientOptions;
  readonly #board: Board;
  readonly #owner: LinkOwner;
  readonly #onceOnly: boolean;
  /** Any number of requests run on a thread. */
  readonly #asTasks: boolean;
  readonly #waiting: PendingJobs;
  readonly #ahead: AheadJobs;
  /** Lowest slot first. */
  #links: Link[] = [];
  #averageMs = UNKNOWN_MS;
  #flushes = false;
  #listening = false;
  #recallsSoon = false;

  constructor(options: PoolClientOptions) {
    this.#options = options;
    this.#board = options.board;
    this.#onceOnly = options.model === "thread-per-request";
    this.#asTasks = options.model === "tasks";
    this.#waiting = new PendingJobs(options.board, this.#asTasks ? Infinity : options.queue || 1, options.line);
    this.#ahead = new AheadJobs(options.board);
    this.#owner = {
      failed: options.failed,
      misframed: options.misframed,
      kill: (link, why) => {
        // Take back the jobs behind it first: no other request may end with the thread.
        this.#takeBack(link.recall(Infinity), link);
        options.kill(link.id, why);
      },
      answered: () => this.#answered(),
      wake: ({ seat }) => this.#board.wakeOf(seat).wake(),
      ran: (ms) => this.#ran(ms),
      freed: () => this.#freed(),
      held: (link) => this.#held(link),
    };
  }

  add(id: number, end: LinkEnd): void {
    this.#links.push(new Link(id, end, this.#owner, this.#asTasks ? this.#options.loopLimitMs : undefined));
    this.#links.sort((a, b) => a.seat.slot - b.seat.slot);
    this.#pump();
  }

  /** The handler thread is dead. Jobs that it had not started run elsewhere. The started ones fail with `why`. */
  remove(id: number, why: Error): void {
    const link = this.#links.find((each) => each.id === id);
    if (link === undefined) return;
    this.#links = this.#links.filter((each) => each !== link);
    this.#putBack(link.close(why));
    this.#pump();
  }

  submit(exchange: HandledExchange): void {
    const job = new RemoteJob(exchange);
    exchange.state = "queued";
    exchange.onAbort = () => this.#aborted(job);
    if (this.#waiting.length === 0 && this.#dispatch(job)) return;
    if (!this.#waiting.join(job)) {
      this.#options.shed(exchange, "OVERLOADED");
      return;
    }
    this.#options.wanted();
    this.#pump();
  }

  /** Enforces queue time and notes starts. Called by the thread's heartbeat. */
  sweep(nowMs: number): void {
    const { queueTimeoutMs } = this.#options;
    const isLate = ({ submittedMs }: RemoteJob): boolean => queueTimeoutMs > 0 && nowMs - submittedMs >= queueTimeoutMs;
    for (const job of this.#ahead.takeThose(isLate)) {
      this.#board.stopWaiting();
      this.#shedLate(job, nowMs);
    }
    while (this.#waiting.first !== undefined && isLate(this.#waiting.first))
      this.#shedLate(this.#waiting.leave(), nowMs);
    const now = monotonicMs();
    for (const link of this.#links) link.watch(now);
    if (this.#waiting.length === 0) return;
    this.#options.wanted();
    this.#pump();
  }

  #shedLate({ exchange }: RemoteJob, nowMs: number): void {
    exchange.executedMs = nowMs;
    this.#options.shed(exchange, "QUEUE_TIMEOUT");
  }

  #ran(ms: number): void {
    this.#averageMs = average(this.#averageMs, ms);
    this.#answered();
  }

  #answered(): void {
    if (this.#waiting.length > 0) this.#flushSoon();
  }

  /** All jobs of a link are done. A thread-per-request thread ends then, so it frees nothing. */
  #freed(): void {
    if (this.#onceOnly) return;
    if (this.#board.waiting > this.#waiting.length + this.#ahead.size) this.#board.freed.wake();
    else this.#pump();
  }

  /** Its thread will not begin what it has soon: others do, if there are others. */
  #held(link: Link): void {
    if (!this.#links.some((other) => other !== link && other.takesMore)) return;
    this.#takeBack(link.recall(Infinity), link);
    this.#pump();
  }

  #aborted(job: RemoteJob): void {
    if (this.#waiting.remove(job)) return this.#notBegun(job);
    const link = this.#links.find(({ id }) => id === job.exchange.handler);
    if (link?.take(job) !== true) {
      job.abort();
      return;
    }
    this.#release(job, link);
    if (job.ahead) this.#board.stopWaiting();
    this.#freed();
    this.#notBegun(job);
  }

  /** Cancelled before its turn: no handler will answer, but its client still waits. */
  #notBegun({ exchange }: RemoteJob): void {
    exchange.onAbort = undefined;
    if (exchange.calledOff) this.#options.failed(exchange, exchange.abortReason);
  }

  #dispatch(job: RemoteJob): boolean {
    return this.#asTasks ? this.#dispatchTask(job) : this.#dispatchOne(job);
  }

  #dispatchTask(job: RemoteJob): boolean {
    const nowMs = monotonicMs();
    for (;;) {
      const loads = this.#links.map((link) => {
        link.look(nowMs);
        return link.takesMore ? this.#board.weight(link.seat, TASK_DEPTH) : Infinity;
      });
      const link = this.#links[assignTask(loads)];
      if (link === undefined) return false;
      if (!this.#board.tryAdd(link.seat, TASK_DEPTH)) continue;
      this.#send(link, job);
      return true;
    }
  }

  #dispatchOne(job: RemoteJob): boolean {
    for (;;) {
      const decision = this.#decide();
      if (decision === "wait") return false;
      const link = this.#links[decision.to]!;
      const isMine =
        decision.how === "idle" ? this.#board.tryClaimIdle(link.seat) : this.#board.tryAdd(link.seat, SHORT_DEPTH);
      // Another serving thread was faster: decide again.
      if (!isMine) continue;
      this.#send(link, job);
      return true;
    }
  }

  #decide(): Assignment {
    const counts = this.#links.map((link) => (link.takesMore ? this.#board.load(link.seat) : SHORT_DEPTH));
    return assign(counts, this.#onceOnly ? Infinity : this.#averageMs, this.#options.spread);
  }

  #send(link: Link, job: RemoteJob): void {
    link.send(job, this.#options.serverTiming);
    if (link.isDeep) this.#recallSoon();
    if (this.#onceOnly) this.#options.wanted();
    this.#flushSoon();
  }

  /** Collects all requests of this poll of the sockets into one message: a message for each would cost as much again. */
  #flushSoon(): void {
    if (this.#flushes) return;
    this.#flushes = true;
    setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    this.#pump();
    this.#flushes = false;
    for (const link of this.#links) link.flush();
  };

  /** While all threads are busy, sends each of those that will be free next one more job. */
  #sendAhead(): void {
    if (this.#waiting.length === 0 || this.#onceOnly || this.#asTasks || !sendsAhead(this.#averageMs)) return;
    const next = this.#links.filter((link) => link.takesMore).sort((a, b) => a.busySinceMs - b.busySinceMs);
    for (const link of next) {
      const job = this.#waiting.first;
      if (job === undefined) return;
      if (!this.#ahead.add(job, link)) continue;
      this.#waiting.sendAhead();
      this.#send(link, job);
    }
  }

  #recallSoon(): void {
    if (this.#recallsSoon) return;
    this.#recallsSoon = true;
    setTimeout(this.#recall, this.#patienceMs);
  }

  get #patienceMs(): number {
    return this.#asTasks ? TASK_PATIENCE_MS : patienceMs(this.#averageMs);
  }

  /** Takes back the jobs behind a request that turned out to be long. */
  readonly #recall = (): void => {
    this.#recallsSoon = false;
    const nowMs = monotonicMs();
    const beforeMs = nowMs - this.#patienceMs;
    for (const link of this.#links) link.look(nowMs);
    const recalled = this.#links.map(
      (link) => this.#mayRecall(link, beforeMs) && this.#takeBack(link.recall(beforeMs), link),
    );
    if (this.#links.some(({ isDeep }) => isDeep)) this.#recallSoon();
    if (!recalled.includes(true)) return;
    this.#averageMs = Math.max(this.#averageMs, PATIENCE_MS);
    this.#pump();
  };

  /** Under `tasks`: if another thread begins what it gets. */
  #mayRecall(link: Link, beforeMs: number): boolean {
    if (!this.#asTasks) return true;
    return this.#links.some((other) => other !== link && other.takesMore && !other.isLate(beforeMs));
  }

  #takeBack(jobs: readonly RemoteJob[], link: Link): boolean {
    for (const job of jobs) this.#release(job, link);
    this.#putBack(jobs);
    return jobs.length > 0;
  }

  #release({ ahead }: RemoteJob, { seat }: Link): void {
    if (ahead) this.#board.takeBackAhead(seat);
    else this.#board.takeBack(seat);
  }

  #putBack(jobs: readonly RemoteJob[]): void {
    if (jobs.length === 0) return;
    this.#ahead.forgetBegun();
    this.#waiting.putBack(jobs);
  }

  /** Dispatches waiting jobs while threads take them. Keeps listening for freed threads while jobs wait. */
  #pump(): void {
    const seen = this.#board.freed.count;
    // An idle thread first gets a job that was sent ahead elsewhere: it is older than those that wait here.
    if (this.#ahead.size > 0)
      this.#putBack(this.#ahead.take(this.#links.filter(({ seat }) => this.#board.load(seat) === 0).length));
    while (this.#waiting.first !== undefined && this.#dispatch(this.#waiting.first)) this.#waiting.leave();
    this.#sendAhead();
    if (this.#listening || this.#waiting.length + this.#ahead.size === 0) return;
    const changed = this.#board.freed.changed(seen);
    if (changed === undefined) {
      queueMicrotask(() => this.#pump());
      return;
    }
    this.#listening = true;
    void changed.then(() => {
      this.#listening = false;
      this.#pump();
    });
  }
}
