/**
 * A request as a task: a unit in the thread's run queue and in its list of tasks, named by method and route.
 *
 * Its first turn claims the job in the ring, so a job that was taken back never begins. Its outcome is the job's: the response,
 * or the failure that the serving thread was told of. So the unit itself never fails.
 *
 * A request makes as little as possible here, because what it makes is garbage soon: no promise of its own, and one async context,
 * the unit's, which names the job too.
 */

import { monotonicMs } from "../../../../kit/clock.ts";
import { runAs, runningUnit } from "../../../../runtime/running-unit.ts";
import type { TurnView } from "../../../../supervise/inspect/turn-look.ts";
import { ENDS_ITSELF, Unit } from "../../../../tasks/jobs/unit.ts";
import { connected } from "../../../../tasks/task-service.ts";
import type { LoadedApp } from "../../../app/load/load-app.ts";
import { type HandlerClass, scopeOf } from "../../../app/request-scope.ts";
import type { CancelableContext } from "../../../../tasks/context/context.ts";
import type { Abort, Job, ToHandler } from "../shared/offload-protocol.ts";
import { type HandlerLink, type JobHost, RunningJob } from "./running-job.ts";

export type AboutJob = Exclude<ToHandler, { type: "jobs" }>;

/** The thread that runs it. */
export interface TaskHost {
  readonly app: LoadedApp;
  readonly keepAliveMs: number;
  /** It has begun. */
  began(): void;
  /** It was taken back, and never begins. */
  dropped(task: RequestTask): void;
  /** Nothing of it runs any more. */
  done(task: RequestTask): void;
  /** It computes or blocks from now on, or no longer. */
  hold(task: RequestTask, holds: boolean): void;
  warn(message: string): void;
}

let lastId = 0;

export class RequestTask extends Unit implements JobHost {
  readonly job: Job;
  readonly link: HandlerLink;
  readonly #host: TaskHost;
  readonly #number: number = ++lastId;
  #running: RunningJob | undefined = undefined;
  /** Arrived before its turn. */
  #abort: Abort | undefined = undefined;
  #isDone = false;

  constructor(job: Job, link: HandlerLink, host: TaskHost) {
    super(nameOf(job), nothing);
    this.job = job;
    this.link = link;
    this.#host = host;
  }

  get id(): string {
    return `${connected().self}.r${this.#number}`;
  }

  /** A message of its serving thread. What the app does in the events that it causes belongs to the task. */
  receive(message: AboutJob): void {
    const running = this.#running;
    if (running !== undefined) runAs(this, () => running.receive(message));
    else if (message.type === "abort") this.#abort = message.abort;
    else if (message.type === "ping") this.link.outbox.say({ type: "alive", seq: this.job.seq });
  }

  #startedMs = 0;

  /** `Context.current()` in it: the request's context. */
  override context(make: () => CancelableContext): CancelableContext {
    const running = this.#running;
    return super.context(running === undefined || this.#isDone ? make : () => scopeOf(running).context);
  }

  get keepAliveMs(): number {
    return this.#host.keepAliveMs;
  }

  warn(message: string): void {
    this.#host.warn(message);
  }

  async reclassify(_job: RunningJob, as: HandlerClass): Promise<void> {
    this.#host.hold(this, as === "threads");
  }

  /** For reports about this one request. Under the server's own model its name would be that of all of them. */
  override view(): TurnView {
    const { route, method, url } = this.job;
    return route === "*" ? { ...super.view(), name: `${method} ${withoutQuery(url)}` } : super.view();
  }

  protected override mayStart(): boolean {
    this.#startedMs = monotonicMs();
    return this.link.ring.claim(this.job.seq, this.#startedMs, true) === "claimed";
  }

  protected override dropped(): void {
    this.#host.dropped(this);
  }

  protected override started(): void {
    this.#host.began();
  }

  /** The job, as soon as it has begun. What is left of it after its end may still fail. */
  get running(): RunningJob | undefined {
    return this.#running;
  }

  /** Its first turn, in its own context. */
  override call(): unknown {
    const { job, link } = this;
    const { app } = this.#host;
    const running = new RunningJob(job, link, this.#startedMs, this);
    this.#running = running;
    const abort = this.#abort;
    if (abort !== undefined) running.receive({ type: "abort", seq: job.seq, abort });
    const outcome = running.run(app);
    // Its link keeps the unit: only this shows that its handler can never go on.
    if (outcome instanceof Promise) this.ending = outcome;
    return ENDS_ITSELF;
  }

  /** By its link. */
  override get isKept(): boolean {
    return true;
  }

  override get outcome(): Promise<unknown> | undefined {
    return this.ending;
  }

  override set outcome(outcome: Promise<unknown> | undefined) {
    this.ending = outcome;
  }

  override neverGoesOn(): void {
    this.#running?.neverReturns();
  }

  /** It fails, and its handler never returns. */
  override lost(): void {
    super.lost();
    this.neverGoesOn();
  }

  finished(running: RunningJob): void {
    running.finish();
    this.#isDone = true;
    this.#host.done(this);
    this.end();
  }

  override succeeded(): void {}

  /** This file's own code has thrown. */
  override failed(error: unknown): void {
    this.#running?.fail(error);
  }
}

function nothing(): void {}

/** For `findJobsBy`. */
export function jobOfUnit(): RunningJob | undefined {
  const unit = runningUnit();
  return unit instanceof RequestTask ? unit.running : undefined;
}

function withoutQuery(url: string): string {
  const query = url.indexOf("?");
  return query === -1 ? url : url.slice(0, query);
}

/** `GET /report/:id`, or for a route without a method, and for the server's own, `GET *`. */
function nameOf({ method, route }: Job): string {
  return route.includes(" ") ? route : `${method} ${route}`;
}
