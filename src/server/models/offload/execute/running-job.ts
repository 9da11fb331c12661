/**
 * One request while it runs on a handler thread: the app's handler, its request and response, and the serving thread's messages
 * about it. It is over when the handler has returned, the response is out, and no task of the request's group runs.
 *
 * Invariants
 * - A failure is reported at most once, however it came: throw, rejection, uncaught exception.
 * - A failure that an earlier job left behind (a timer, a late rejection) is never attributed to the running one: the async
 *   context names the job.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { IncomingMessage } from "node:http";
import { monotonicMs } from "../../../../kit/clock.ts";
import { abortReason } from "../../../app/abort-reasons.ts";
import { answerInstead } from "../../../app/answer-instead.ts";
import { type CanBeCalledOff, endEventStream, isDrainError, whenCalledOff } from "../../../app/called-off.ts";
import { breakOff, cutShort } from "../../../app/cut-short.ts";
import type { LoadedApp } from "../../../app/load/load-app.ts";
import { endScope, type HandlerClass, type RequestScope, type ScopedRequest } from "../../../app/request-scope.ts";
import type { FramingFault } from "../../../app/response-framing.ts";
import { type ErrorCode, errorTable, toWire } from "../../../../errors/errors.ts";
import { isRead, stopReading } from "../../../../platform/node-internals/requests.ts";
import { closeResponse, detachStream } from "../../../../platform/node-internals/responses.ts";
import type { Inbox } from "./inbox.ts";
import type { Outbox } from "./outbox.ts";
import type { Abort, FromHandler, Job, ToHandler } from "../shared/offload-protocol.ts";
import { endBody, openRequest, type Opened } from "./job-request.ts";
import type { Ring } from "../shared/job-ring.ts";

/** A handler thread's end of its link to a serving thread. */
export interface HandlerLink {
  readonly ring: Ring;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
}

/** The thread that runs it. */
export interface JobHost {
  readonly keepAliveMs: number;
  /** It is over. Called once. */
  finished(job: RunningJob): void;
  reclassify(job: RunningJob, as: HandlerClass): Promise<void>;
  warn(message: string): void;
}

/** The async context of each job, on threads where nothing else names it. */
export const runningJob: AsyncLocalStorage<RunningJob> = new AsyncLocalStorage<RunningJob>();

let find = (): RunningJob | undefined => runningJob.getStore();

/** On threads where a job is a unit, whose async context names it already. A second one would cost two more maps for each request. */
export function findJobsBy(finds: () => RunningJob | undefined): void {
  find = finds;
}

/** The job whose code runs. */
export function currentJob(): RunningJob | undefined {
  return find();
}

/** For a handler that blocks its thread: reads pending messages, and returns why its request must stop, if it must. */
export function heedAbort(): DOMException | undefined {
  return find()?.heed();
}

export class RunningJob implements ScopedRequest {
  readonly job: Job;
  readonly link: HandlerLink;
  readonly #startedMs: number;
  readonly #tell: (message: FromHandler) => void;
  readonly #opened: Opened;
  readonly #host: JobHost;
  #scope: RequestScope | undefined = undefined;
  #controller: AbortController | undefined;
  /** Why it must stop or finish. Set as soon as it knows. */
  #reason: DOMException | undefined;
  /** It must stop. Its later failures are ignored. */
  #isOver = false;
  /** Its signal is aborted. */
  #isSignalled = false;
  #aborted = false;
  #failed = false;
  #overlong = false;
  #returned = false;
  #responded = false;
  /** The handler has returned and the response is out. */
  #isEnding = false;
  #done = false;

  /** `startedMs`: when it was claimed. */
  constructor(job: Job, link: HandlerLink, startedMs: number, host: JobHost) {
    this.job = job;
    this.link = link;
    this.#startedMs = startedMs;
    this.#host = host;
    this.#tell = link.outbox.say;
    this.#opened = openRequest(job, host.keepAliveMs, this, this.#tell);
    const { res, socket } = this.#opened;
    res.once("finish", this.#onFinish);
    socket.once("close", this.#onSocketClose);
    // The app hears of a connection reset through `req` and `res`, as with node:http.
    socket.on("error", () => {});
  }

  /** Aborts when the client leaves, the request times out, or a drain cancels it. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isSignalled) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  get deadline(): number | undefined {
    const { timeoutMs } = this.job;
    return timeoutMs === 0 ? undefined : Date.now() - (monotonicMs() - this.#startedMs) + timeoutMs;
  }

  get routeName(): string {
    const { method, route } = this.job;
    return route.includes(" ") ? route : `${method} ${route}`;
  }

  get scope(): RequestScope | undefined {
    return this.#scope;
  }

  /** What its handler has left behind may ask for one when the request is over. It is over then as well. */
  set scope(scope: RequestScope | undefined) {
    this.#scope = scope;
    if (this.#done) void this.#endScope();
  }

  reclassify(as: HandlerClass): Promise<void> {
    return this.#done ? Promise.resolve() : this.#host.reclassify(this, as);
  }

  /** Returns what the handler has returned. Nothing else keeps that. */
  readonly run = (app: LoadedApp): Promise<void> | undefined => {
    const { req, res } = this.#opened;
    try {
      const { expects } = this.job;
      const outcome = expects === undefined ? app.request(req, res) : app.expect(expects, req, res);
      if (outcome === undefined) this.#settled();
      else outcome.then(this.#settled, this.#rejected);
      return outcome ?? undefined;
    } catch (error) {
      this.fail(error);
      this.#settled();
      return undefined;
    }
  };

  /** The handler waits for what nobody can bring. Its response may still be written by others, or time out. */
  neverReturns(): void {
    this.#settled();
  }

  /** It is over: shows that to its serving thread. */
  finish(): void {
    const { job, link } = this;
    link.ring.finish(job.seq);
    link.outbox.done(job.seq, monotonicMs() - this.#startedMs);
  }

  fail(error: unknown): void {
    if (this.#failed || this.#isOver) return;
    // It failed because it wrote beyond its content-length, and its connection was ended for that.
    if (this.#overlong && this.#opened.socket.destroyed) return;
    this.#failed = true;
    // It was cancelled, and this is a consequence.
    if (this.#reason !== undefined && endEventStream(this.#opened.res)) return;
    this.#tell({ type: "failed", seq: this.job.seq, error: toWire(error) });
    if (this.#done) return;
    this.#opened.socket.mute();
    this.#showAnswer("HANDLER_FAILED");
    this.#respond();
  }

  misframed(fault: FramingFault): void {
    if (fault.kind === "too-long") this.#overlong = true;
    this.#tell({ type: "misframed", seq: this.job.seq, fault });
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

  /** The thread is blocked: finds this job's messages among the pending ones. An abort's events are emitted later, in turn. */
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
    this.#reason ??= abortReason(abort.message, abort.name);
    if (this.#isOver || isDrainError(abort)) return;
    this.#isOver = true;
    this.#tell({ type: "heard", seq: this.job.seq });
  }

  #abort(abort: Abort): void {
    this.#hear(abort);
    if (isDrainError(abort)) (this.#opened.res as CanBeCalledOff)[whenCalledOff]?.(this.#reason!);
    else this.#breakOff(abort);
    this.#isSignalled = true;
    this.#controller?.abort(this.#reason);
  }

  #breakOff({ refusal }: Abort): void {
    if (this.#aborted) return;
    this.#aborted = true;
    const { req, res, socket } = this.#opened;
    socket.mute();
    if (refusal !== undefined) {
      this.#showAnswer(refusal);
      if (!req.complete) cutShort(req, refusal);
    } else if (!res.writableFinished) breakOff(req);
    // Whoever waits for the response's end, to free its source, is notified.
    socket.destroy();
  }

  /** The client gets this answer from the serving thread. Here the response ends as it does there. */
  #showAnswer(code: ErrorCode): void {
    const { res } = this.#opened;
    if (res.writableEnded || res.destroyed) return;
    if (res.headersSent) res.destroy();
    else answerInstead(res, errorTable[code].status ?? 500, {}, "");
  }

  readonly #settled = (): void => {
    this.#returned = true;
    this.#maybeDone();
  };

  readonly #rejected = (error: unknown): void => {
    this.fail(error);
    this.#settled();
  };

  /** Does what node:http does when a response was written. */
  readonly #onFinish = (): void => {
    const { req, res, socket } = this.#opened;
    socket.complete();
    if (!isRead(req)) dropBody(req);
    detachStream(res, socket);
    process.nextTick(closeResponse, res);
    this.#respond();
  };

  readonly #onSocketClose = (): void => this.#respond();

  #respond(): void {
    this.#responded = true;
    this.#maybeDone();
  }

  #maybeDone(): void {
    if (this.#isEnding || !this.#returned || !this.#responded) return;
    this.#isEnding = true;
    const ending = this.#endScope();
    if (ending === undefined) return this.#over();
    void ending.then((failure) => {
      if (failure !== undefined) this.fail(failure);
      this.#over();
    });
  }

  #endScope(): Promise<unknown> | undefined {
    return endScope(this, (message) => this.#host.warn(message));
  }

  #over(): void {
    this.#done = true;
    const { req } = this.#opened;
    // An app that still reads in events is told that nothing more comes.
    if (!req.complete && !req.destroyed) breakOff(req);
    this.#host.finished(this);
  }
}

/** If the app has not begun to read the body, the body ends for it with the response, and is not fetched. */
function dropBody(req: IncomingMessage): void {
  stopReading(req);
  if (!req.complete) endBody(req, []);
  req.resume();
}
