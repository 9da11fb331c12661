/**
 * # design: a handler thread
 * Jobs come over one link from each serving thread into one local queue. They run one at a time: claim in the ring → run the
 * app's handler → its response is out and its promise settled → done → next. The serving threads send a job only when its
 * turn is near (`pool-client.ts`), and otherwise take it back.
 *
 * Invariants
 * - One job has the thread at a time. A job that says that it only waits (`reclassify`) goes on beside the next ones. When it is done, after its last bytes, its link and the board show it. A message is sent for it
 *   only if no other job of the same link follows at once, and the serving thread would not look anyway (`outbox.ts`).
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { LoadedApp } from "../../../app/load/load-app.ts";
import type { HandlerClass } from "../../../app/request-scope.ts";
import { monotonicMs } from "../../../../kit/clock.ts";
import { setImmediate } from "../../../../kit/native-timers.ts";
import { NumberTable } from "../shared/number-table.ts";
import type { Seat } from "../../../../supervise/slot-table.ts";
import type { Board } from "../shared/pool-board.ts";
import { Inbox } from "./inbox.ts";
import { Outbox } from "./outbox.ts";
import { type Abort, decodeJob, type Job, type LinkEnd, type ToHandler } from "../shared/offload-protocol.ts";
import { Ring } from "../shared/job-ring.ts";
import { WaitingJobs } from "./waiting-jobs.ts";
import { currentJob, type HandlerLink, type JobHost, RunningJob, runningJob } from "./running-job.ts";

interface JobLink extends HandlerLink {
  /** Jobs that run: the one that has the thread, and those that said that they only wait. */
  readonly jobs: NumberTable<RunningJob>;
}

interface Queued {
  readonly job: Job;
  readonly link: JobLink;
  /** Arrived before the job's turn. */
  abort: Abort | undefined;
}

export interface JobRunnerOptions {
  readonly app: LoadedApp;
  readonly keepAliveMs: number;
  /** This thread's place on the board. */
  readonly seat: Seat;
  readonly board: Board;
  /** The thread ends after one job. */
  readonly onlyOne: boolean;
  /** A job is done. False: take no more. */
  readonly onDone: () => boolean;
  /** Said once for each message. */
  readonly warn: (message: string) => void;
}

export class JobRunner implements JobHost {
  readonly keepAliveMs: number;
  readonly #options: JobRunnerOptions;
  readonly #queue: Queued[] = [];
  /** The job that has the thread. */
  #current: RunningJob | undefined;
  /** What its handler has returned. */
  #outcome: Promise<unknown> | undefined;
  /** Jobs that said that they only wait. */
  readonly #beside = new WaitingJobs();
  /** Those of them that want the thread back, in the order in which they said so. */
  readonly #returning = new Map<RunningJob, () => void>();
  /** A job that is done. Its serving thread may not know. */
  #untold: RunningJob | undefined;
  #stopped = false;
  /** Runs a function outside of any job's async context, so the next job inherits nothing from the last one. */
  readonly #outside = AsyncLocalStorage.snapshot();

  constructor(options: JobRunnerOptions) {
    this.#options = options;
    this.keepAliveMs = options.keepAliveMs;
  }

  attach({ port, ring, answers, start }: LinkEnd): void {
    const inbox = new Inbox(
      port,
      (message) => this.#receive(link, message),
      () => this.#abandon(link),
    );
    const outbox = new Outbox(port, answers, start?.said);
    const link: JobLink = { ring: new Ring(ring), inbox, outbox, jobs: new NumberTable() };
  }

  /** An uncaught exception: fails the job whose code threw it. */
  uncaught(error: unknown): void {
    currentJob()?.fail(error);
  }

  warn(message: string): void {
    this.#options.warn(message);
  }

  /**
   * The link's serving thread is dead, and its clients with it. The acceptor subtracts its jobs that were not begun
   * (`server/worker/handlers/pool-links.ts`).
   */
  #abandon(link: JobLink): void {
    const others = this.#queue.filter((queued) => queued.link !== link);
    this.#queue.splice(0, Infinity, ...others);
    const abort: Abort = { name: "AbortError", message: "the client went away", refusal: undefined };
    for (const each of link.jobs.values())
      runningJob.run(each, each.receive, { type: "abort", seq: each.job.seq, abort });
  }

  #receive(link: JobLink, message: ToHandler): void {
    if (message.type === "jobs") {
      for (const job of message.jobs) this.#queue.push({ job: decodeJob(job), link, abort: undefined });
      this.#next();
      return;
    }
    const running = link.jobs.get(message.seq);
    if (running !== undefined) {
      // The message may emit an event. What the app does in it belongs to the job.
      runningJob.run(running, running.receive, message);
    } else if (message.type === "abort") {
      const queued = this.#queue.find((each) => each.link === link && each.job.seq === message.seq);
      if (queued !== undefined) queued.abort = message.abort;
    }
  }

  readonly #next = (): void => {
    while (this.#current === undefined && !this.#stopped && !this.#giveBack() && this.#queue.length > 0) {
      const { job, link, abort } = this.#queue.shift()!;
      const startedMs = monotonicMs();
      if (link.ring.claim(job.seq, startedMs) === "recalled") continue;
      if (job.ahead) this.#options.board.startAhead(this.#options.seat);
      if (this.#untold?.link !== link) this.#tellDone();
      this.#untold = undefined;
      const current = new RunningJob(job, link, startedMs, this);
      this.#current = current;
      link.jobs.set(job.seq, current);
      if (abort !== undefined) runningJob.run(current, current.receive, { type: "abort", seq: job.seq, abort });
      const outcome = runningJob.run(current, current.run, this.#options.app);
      if (this.#current === current) this.#outcome = outcome;
      else if (this.#beside.has(current)) this.#beside.set(current, outcome);
    }
    if (this.#current === undefined) this.#tellDone();
  };

  #tellDone(): void {
    const done = this.#untold;
    this.#untold = undefined;
    done?.link.outbox.tell();
  }

  finished(job: RunningJob): void {
    const { board, seat, onDone } = this.#options;
    job.finish();
    (job.link as JobLink).jobs.delete(job.job.seq);
    if (this.#beside.delete(job)) {
      this.#returning.get(job)?.();
      this.#returning.delete(job);
      board.releaseBeside(seat);
      job.link.outbox.tell();
      return;
    }
    this.#current = this.#outcome = undefined;
    this.#untold = job;
    this.#stopped = !onDone();
    if (!this.#stopped) board.release(seat);
    // Not within the handler's own `res.end()`: the rest of the handler runs first.
    this.#outside(queueMicrotask, this.#next);
  }

  /** "tasks": the thread takes the next job meanwhile. "threads": settles when the job has the thread again. */
  reclassify(job: RunningJob, as: HandlerClass): Promise<void> {
    const { board, seat, onlyOne } = this.#options;
    if (onlyOne || (as === "threads" && !this.#beside.has(job))) return settled;
    if (as === "threads") {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#returning.set(job, resolve);
      if (this.#current === undefined) this.#giveBack();
      return promise;
    }
    this.#returning.delete(job);
    if (this.#current !== job) return settled;
    job.link.ring.takeThread();
    this.#beside.set(job, this.#outcome);
    this.#current = this.#outcome = undefined;
    board.runBeside(seat);
    job.link.outbox.say({ type: "beside", seq: job.job.seq, beside: true });
    // Not before the handler has begun what it waits for: the next one may block the thread.
    this.#outside(setImmediate, this.#next);
    return settled;
  }

  /** Gives the thread to the job that has asked for it first. False: none has. */
  #giveBack(): boolean {
    for (const [job, resolve] of this.#returning) {
      this.#returning.delete(job);
      this.#outcome = this.#beside.take(job);
      this.#current = job;
      job.link.ring.giveThread(job.job.seq);
      this.#options.board.runAlone(this.#options.seat);
      job.link.outbox.say({ type: "beside", seq: job.job.seq, beside: false });
      resolve();
      return true;
    }
    return false;
  }
}

const settled: Promise<void> = Promise.resolve();
