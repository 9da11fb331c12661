/**
 * # design: a handler thread
 * Jobs come over one link from each serving thread into one local queue. They run one at a time: claim in the ring → run the
 * app's handler → its response is out and its promise settled → done → next. The serving threads send a job only when its
 * turn is near (`pool-client.ts`), and otherwise take it back.
 *
 * Invariants
 * - One job runs at a time. When it is done, after its last bytes, the ring and the board show it. A message is sent for it
 *   only if no other job of the same link follows at once, and the serving thread would not look anyway (`outbox.ts`).
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { LoadedApp } from "../../../app/load/load-app.ts";
import { monotonicMs } from "../../../../kit/clock.ts";
import type { Seat } from "../../../../supervise/slot-table.ts";
import type { Board } from "../shared/pool-board.ts";
import { Inbox } from "./inbox.ts";
import { Outbox } from "./outbox.ts";
import { type Abort, decodeJob, type Job, type LinkEnd, type ToHandler } from "../shared/offload-protocol.ts";
import { Ring } from "../shared/job-ring.ts";
import { type HandlerLink, RunningJob, runningJob } from "./running-job.ts";

interface Queued {
  readonly job: Job;
  readonly link: HandlerLink;
  /** Arrived before the job's turn. */
  abort: Abort | undefined;
}

export interface JobRunnerOptions {
  readonly app: LoadedApp;
  readonly keepAliveMs: number;
  /** This thread's place on the board. */
  readonly seat: Seat;
  readonly board: Board;
  /** A job is done. False: take no more. */
  readonly onDone: () => boolean;
}

export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #queue: Queued[] = [];
  #current: RunningJob | undefined;
  /** A job that is done. Its serving thread may not know. */
  #untold: RunningJob | undefined;
  #stopped = false;
  /** Runs a function outside of any job's async context, so the next job inherits nothing from the last one. */
  readonly #outside = AsyncLocalStorage.snapshot();

  constructor(options: JobRunnerOptions) {
    this.#options = options;
  }

  attach({ port, ring, answers, start }: LinkEnd): void {
    const inbox = new Inbox(
      port,
      (message) => this.#receive(link, message),
      () => this.#abandon(link),
    );
    const link: HandlerLink = { ring: new Ring(ring), inbox, outbox: new Outbox(port, answers, start?.said) };
  }

  /** An uncaught exception: fails the job whose code threw it. */
  uncaught(error: unknown): void {
    runningJob.getStore()?.fail(error);
  }

  /**
   * The link's serving thread is dead, and its clients with it. The acceptor subtracts its jobs that were not begun
   * (`server/worker/handlers/pool-links.ts`).
   */
  #abandon(link: HandlerLink): void {
    const others = this.#queue.filter((queued) => queued.link !== link);
    this.#queue.splice(0, Infinity, ...others);
    const current = this.#current;
    if (current?.link !== link) return;
    const abort: Abort = { name: "AbortError", message: "the client went away", refusal: undefined };
    runningJob.run(current, current.receive, { type: "abort", seq: current.job.seq, abort });
  }

  #receive(link: HandlerLink, message: ToHandler): void {
    if (message.type === "jobs") {
      for (const job of message.jobs) this.#queue.push({ job: decodeJob(job), link, abort: undefined });
      this.#next();
      return;
    }
    const current = this.#current;
    if (current !== undefined && current.link === link && current.job.seq === message.seq) {
      // The message may emit an event. What the app does in it belongs to the job.
      runningJob.run(current, current.receive, message);
    } else if (message.type === "abort") {
      const queued = this.#queue.find((each) => each.link === link && each.job.seq === message.seq);
      if (queued !== undefined) queued.abort = message.abort;
    }
  }

  readonly #next = (): void => {
    while (this.#current === undefined && !this.#stopped && this.#queue.length > 0) {
      const { job, link, abort } = this.#queue.shift()!;
      if (link.ring.claim(job.seq, monotonicMs()) === "recalled") continue;
      if (job.ahead) this.#options.board.startAhead(this.#options.seat);
      if (this.#untold?.link !== link) this.#tellDone();
      this.#untold = undefined;
      const current = new RunningJob(job, link, this.#options.keepAliveMs, this.#done);
      this.#current = current;
      if (abort !== undefined) runningJob.run(current, current.receive, { type: "abort", seq: job.seq, abort });
      runningJob.run(current, current.run, this.#options.app);
    }
    if (this.#current === undefined) this.#tellDone();
  };

  #tellDone(): void {
    const done = this.#untold;
    this.#untold = undefined;
    done?.link.outbox.done(done.job.seq);
  }

  readonly #done = (job: RunningJob): void => {
    const { board, seat, onDone } = this.#options;
    job.link.ring.finish(job.job.seq, monotonicMs());
    this.#current = undefined;
    this.#untold = job;
    this.#stopped = !onDone();
    if (!this.#stopped) board.release(seat);
    // Not within the handler's own `res.end()`: the rest of the handler runs first.
    this.#outside(queueMicrotask, this.#next);
  };
}
