/**
 * # design: a handler thread under `tasks`
 * Jobs come over one link from each serving thread. Each becomes a task of `heddle/tasks` in the thread's run queue, beside those
 * that handlers start with `go`: its turn comes → claim in the ring → run the app's handler, which goes on beside others at
 * each await → its response is out and its promise settled → done.
 *
 * Invariants
 * - Tasks begin in the order in which their jobs were sent. One that was taken back before its turn never begins.
 * - A task that says that it computes or blocks (`reclassify`) holds the thread. While one does, the serving threads send nothing,
 *   and take back what has not begun.
 * - A task's end is its job's end: nothing of it is in the thread's list of tasks after that.
 *
 * The thread joins the worker's runtime as a scheduler thread: `go(task)` runs tasks here too, whichever thread calls it.
 *
 * If the thread has more than one copy of this package, the app's copy takes these tasks for units of another kind: they are not
 * in its lists, and `Context.current()` does not know them. All else works.
 */

import type { LoadedApp } from "../../../app/load/load-app.ts";
import { setImmediate } from "../../../../kit/native-timers.ts";
import { NumberTable } from "../shared/number-table.ts";
import { runQueue } from "../../../../runtime/run-queue.ts";
import { connected } from "../../../../tasks/task-service.ts";
// Its requests are tasks, whether the app imports the library or not.
import "../../../../tasks/inspect/watched-tasks.ts";
import { type Abort, decodeJob, type LinkEnd, type ToHandler } from "../shared/offload-protocol.ts";
import { Ring } from "../shared/job-ring.ts";
import { Inbox } from "./inbox.ts";
import type { JobRunnerOptions } from "./job-runner.ts";
import { Outbox } from "./outbox.ts";
import { jobOfUnit, RequestTask, type TaskHost } from "./request-task.ts";
import { currentJob, findJobsBy, type HandlerLink } from "./running-job.ts";

interface TaskLink extends HandlerLink {
  /** Queued and running, by the number of their job. */
  readonly tasks: NumberTable<RequestTask>;
}

export class TaskRunner implements TaskHost {
  readonly app: LoadedApp;
  readonly keepAliveMs: number;
  readonly #options: JobRunnerOptions;
  /** Jobs that have not begun. */
  #unbegun = 0;
  /** They have ends of jobs that their serving threads may not know. */
  readonly #untold = new Set<HandlerLink>();
  readonly #links = new Set<TaskLink>();
  readonly #holding = new Set<RequestTask>();

  constructor(options: JobRunnerOptions) {
    this.#options = options;
    this.app = options.app;
    this.keepAliveMs = options.keepAliveMs;
    findJobsBy(jobOfUnit);
    // Not at the first request, which would wait for it.
    connected();
  }

  attach({ port, ring, answers, start }: LinkEnd): void {
    const inbox = new Inbox(
      port,
      (message, isAlone) => this.#receive(link, message, isAlone),
      () => this.#abandon(link),
    );
    const outbox = new Outbox(port, answers, start?.said);
    const link: TaskLink = { ring: new Ring(ring), inbox, outbox, tasks: new NumberTable() };
    this.#links.add(link);
    if (this.#holding.size > 0) outbox.say({ type: "held", held: true });
  }

  /** An uncaught exception: fails the job whose code threw it. */
  uncaught(error: unknown): void {
    currentJob()?.fail(error);
  }

  #receive(link: TaskLink, message: ToHandler, isAlone: boolean): void {
    if (message.type === "jobs") {
      link.ring.noteRead();
      connected().keepBeat();
      // Then they begin in this callback.
      runQueue.isOwnCallback = isAlone;
      for (const wire of message.jobs) {
        const task = new RequestTask(decodeJob(wire), link, this);
        link.tasks.set(task.job.seq, task);
        this.#unbegun++;
        task.place();
      }
      runQueue.isOwnCallback = false;
      return;
    }
    const task = link.tasks.get(message.seq);
    if (task !== undefined) task.receive(message);
    else if (message.type === "ping") link.outbox.say({ type: "alive", seq: message.seq });
  }

  began(): void {
    this.#options.board.runBeside(this.#options.seat);
    this.#takesMore();
  }

  dropped({ link, job }: RequestTask): void {
    (link as TaskLink).tasks.delete(job.seq);
    this.#takesMore();
  }

  done(task: RequestTask): void {
    const { link, job } = task;
    (link as TaskLink).tasks.delete(job.seq);
    this.hold(task, false);
    this.#options.board.releaseBeside(this.#options.seat);
    if (this.#untold.size === 0) setImmediate(this.#tell);
    this.#untold.add(link);
  }

  hold(task: RequestTask, holds: boolean): void {
    const before = this.#holding.size;
    if (holds) this.#holding.add(task);
    else this.#holding.delete(task);
    const now = this.#holding.size;
    if (before === 0 || now === 0) if (before !== now) this.#tellHeld(now > 0);
  }

  /** A handler that blocks on purpose may do so only while it holds the thread. */
  get isHeld(): boolean {
    return this.#holding.size > 0;
  }

  warn(message: string): void {
    this.#options.warn(message);
  }

  #tellHeld(held: boolean): void {
    for (const { outbox } of this.#links) outbox.say({ type: "held", held });
  }

  /** When all have begun, the serving threads may send more. */
  #takesMore(): void {
    const { board } = this.#options;
    if (--this.#unbegun === 0 && board.waiting > 0) board.freed.wake();
  }

  /** The link's serving thread is dead, and its clients with it. Jobs that were not begun are taken back by the acceptor. */
  #abandon(link: TaskLink): void {
    this.#links.delete(link);
    const abort: Abort = { name: "AbortError", message: "the client went away", refusal: undefined };
    for (const task of link.tasks.values()) task.receive({ type: "abort", seq: task.job.seq, abort });
  }

  readonly #tell = (): void => {
    for (const { outbox } of this.#untold) outbox.tell();
    this.#untold.clear();
  };
}
