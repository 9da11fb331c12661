/**
 * # design: a handler thread
 * Jobs come over one link from each serving thread into one local queue and are run one at a time: claim in the ring →
 * run the app's handler → its response is out and its promise settled → done → next. The serving threads see to it that a
 * job lies here only while its turn is near (`pool-client.ts`), and take it back otherwise.
 *
 * Invariants
 * - One job runs at a time. When it is done, after its last bytes, the ring and the board say so; a message says it only
 *   when no other job of the same link follows at once.
 * - A failure is said at most once for each job, whichever way it came: throw, rejection, uncaught exception.
 * - What an earlier job left behind (a timer, a late rejection) is never blamed on the one that runs: the async context
 *   names the job.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { IncomingMessage } from "node:http";
import type { LoadedApp } from "../../app/load-app.ts";
import { cutShort } from "../../app/cut-short.ts";
import { toWire } from "../../errors/errors.ts";
import { monotonicMs } from "../../fabric/load-board.ts";
import type { Board } from "./board.ts";
import { Inbox } from "./inbox.ts";
import { Outbox } from "./outbox.ts";
import { type Abort, decodeJob, type FromHandler, type Job, type LinkEnd, type ToHandler } from "./protocol.ts";
import { endBody, openRequest, type Opened } from "./request.ts";
import { Ring } from "./ring.ts";

interface Queued {
  readonly job: Job;
  readonly link: Link;
  /** Came before its turn. */
  abort: Abort | undefined;
}

interface Link {
  readonly ring: Ring;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
}

export interface JobRunnerOptions {
  readonly app: LoadedApp;
  readonly keepAliveMs: number;
  readonly id: number;
  readonly board: Board;
  /** A job is done; false: take no more. */
  readonly onDone: () => boolean;
}

const runningJob = new AsyncLocalStorage<RunningJob>();

/** For a handler that blocks its thread: why the request whose code runs is to stop, if it is. Hears what has come for it. */
export function heedAbort(): DOMException | undefined {
  return runningJob.getStore()?.heed();
}

export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #queue: Queued[] = [];
  #current: RunningJob | undefined;
  /** Done, and its server thread may not know. */
  #untold: RunningJob | undefined;
  #stopped = false;
  /** Runs a function in no job's async context: the next job inherits nothing from the last, and keeps none of it alive. */
  readonly #outside = AsyncLocalStorage.snapshot();

  constructor(options: JobRunnerOptions) {
    this.#options = options;
  }

  attach({ port, ring, answers }: LinkEnd): void {
    const inbox = new Inbox(port, (message) => this.#receive(link, message));
    const link: Link = { ring: new Ring(ring), inbox, outbox: new Outbox(port, answers) };
  }

  /** An exception nobody caught: the job whose code threw fails. */
  uncaught(error: unknown): void {
    runningJob.getStore()?.fail(error);
  }

  #receive(link: Link, message: ToHandler): void {
    if (message.type === "jobs") {
      for (const job of message.jobs) this.#queue.push({ job: decodeJob(job), link, abort: undefined });
      this.#next();
      return;
    }
    const current = this.#current;
    if (current !== undefined && current.link === link && current.job.seq === message.seq) {
      // What the app does in an event that this brings about belongs to the job.
      runningJob.run(current, current.receive, message);
    } else if (message.type === "abort") {
      const queued = this.#queue.find((each) => each.link === link && each.job.seq === message.seq);
      if (queued !== undefined) queued.abort = message.abort;
    }
  }

  readonly #next = (): void => {
    while (this.#current === undefined && !this.#stopped && this.#queue.length > 0) {
      const { job, link, abort } = this.#queue.shift()!;
      if (!link.ring.claim(job.seq, monotonicMs())) continue;
      if (job.ahead) this.#options.board.startAhead(this.#options.id);
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
    const { board, id, onDone } = this.#options;
    job.link.ring.finish(job.job.seq, monotonicMs());
    this.#current = undefined;
    this.#untold = job;
    this.#stopped = !onDone();
    if (!this.#stopped) board.release(id);
    // Not from within the handler's own `res.end()`: the rest of it comes first.
    this.#outside(queueMicrotask, this.#next);
  };
}

class RunningJob {
  readonly job: Job;
  readonly link: Link;
  readonly #tell: (message: FromHandler) => void;
  readonly #opened: Opened;
  readonly #finished: (job: RunningJob) => void;
  #controller: AbortController | undefined;
  /** Why it is to stop, from the moment it knows. */
  #reason: DOMException | undefined;
  #aborted = false;
  #failed = false;
  #returned = false;
  #responded = false;
  #done = false;

  constructor(job: Job, link: Link, keepAliveMs: number, finished: (job: RunningJob) => void) {
    this.job = job;
    this.link = link;
    this.#finished = finished;
    this.#tell = link.outbox.say;
    this.#opened = openRequest(job, keepAliveMs, this, this.#tell);
    const { res, socket } = this.#opened;
    res.once("finish", this.#onFinish);
    socket.once("close", this.#onSocketClose);
    // A client that resets its connection is told to the app through `req` and `res`, as node:http does.
    socket.on("error", () => {});
  }

  /** Aborts when the client goes away or the request times out. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  readonly run = (app: LoadedApp): void => {
    const { req, res } = this.#opened;
    try {
      const { expects } = this.job;
      const outcome = expects === undefined ? app.request(req, res) : app.expect(expects, req, res);
      if (outcome === undefined) this.#settled();
      else outcome.then(this.#settled, this.#rejected);
    } catch (error) {
      this.fail(error);
      this.#settled();
    }
  };

  fail(error: unknown): void {
    if (this.#failed || this.#reason !== undefined) return;
    this.#failed = true;
    this.#tell({ type: "failed", seq: this.job.seq, error: toWire(error) });
    if (this.#done) return;
    this.#opened.socket.mute();
    this.#respond();
  }

  readonly receive = (message: Exclude<ToHandler, { type: "jobs" }>): void => {
    const { req, socket } = this.#opened;
    switch (message.type) {
      case "body":
        socket.received(message.chunk.length);
        if (!req.destroyed) req.push(Buffer.from(message.chunk.buffer as ArrayBuffer));
        break;
      case "body-end":
        if (!req.destroyed) endBody(req, message.rawTrailers);
        break;
      case "credit":
        socket.credit(message.bytes);
        break;
      case "abort":
        this.#abort(message.abort);
        break;
      case "ping":
        this.#tell({ type: "alive", seq: this.job.seq });
        break;
    }
  };

  /** Blocked: looks for what concerns it among the messages that have come. What follows from an abort waits for its turn. */
  heed(): DOMException | undefined {
    if (this.#done) return undefined;
    this.link.inbox.read((message) => {
      if (message.type === "jobs" || message.seq !== this.job.seq) return false;
      if (message.type === "abort") this.#hear(message.abort);
      if (message.type === "ping") this.receive(message);
      return message.type === "ping";
    });
    return this.#reason;
  }

  #hear(abort: Abort): void {
    if (this.#reason !== undefined) return;
    this.#reason = new DOMException(abort.message, abort.name);
    this.#tell({ type: "heard", seq: this.job.seq });
  }

  #abort(abort: Abort): void {
    this.#hear(abort);
    if (this.#aborted) return;
    this.#aborted = true;
    const { req, res, socket } = this.#opened;
    socket.mute();
    if (abort.refusal !== undefined) {
      if (!req.complete) cutShort(req, abort.refusal);
    } else if (!res.writableFinished) breakOff(req);
    // Whoever waits for the response's end, to let go of what it was to be made of, hears of it.
    socket.destroy();
    this.#controller?.abort(this.#reason);
  }

  readonly #settled = (): void => {
    this.#returned = true;
    this.#maybeDone();
  };

  readonly #rejected = (error: unknown): void => {
    this.fail(error);
    this.#settled();
  };

  /** What node:http does when a response has been written. */
  readonly #onFinish = (): void => {
    const { req, res, socket } = this.#opened;
    socket.complete();
    // oxlint-disable-next-line no-underscore-dangle -- node:http's name: a body nobody read is dropped
    if (!req.readableEnded) (req as IncomingMessage & { _dump(): void })._dump();
    res.detachSocket(socket as never);
    process.nextTick(() => {
      Object.assign(res, { _closed: true });
      res.destroyed = true;
      res.emit("close");
    });
    this.#respond();
  };

  readonly #onSocketClose = (): void => this.#respond();

  #respond(): void {
    this.#responded = true;
    this.#maybeDone();
  }

  #maybeDone(): void {
    if (this.#done || !this.#returned || !this.#responded) return;
    this.#done = true;
    this.#finished(this);
  }
}

/** The client is gone: as node:http does it, also when all of the body had come. */
function breakOff(req: IncomingMessage): void {
  const error = Object.assign(new Error("aborted"), { code: "ECONNRESET" });
  req.destroy(error);
}
