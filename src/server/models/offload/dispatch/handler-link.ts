/**
 * A serving thread's link to one handler thread: the jobs that were sent there and are not done.
 *
 *   send → (flush) → started → done
 *             └────→ recalled, if it waits behind a long one, or if its thread is blocked
 *
 * Invariants
 * - The handler thread begins the jobs in the order they were sent: one at a time, or under `tasks` each beside the others.
 * - A job leaves the link exactly once: done, recalled, or with the link when its thread is dead.
 * - A job's run time begins when the handler thread claims it (`job-ring.ts`). Until then it is queued.
 *
 * Jobs and messages are numbered by counts that wrap at 2^32 (`wrapping.ts`). Both sides compare only their distances.
 */

import { receiveMessageOnPort, type MessagePort } from "node:worker_threads";
import type { FramingFault } from "../../../app/response-framing.ts";
import { fromWire } from "../../../../errors/errors.ts";
import { monotonicMs } from "../../../../kit/clock.ts";
import type { HandledExchange } from "../../handled-exchange.ts";
import type { Seat } from "../../../../supervise/slot-table.ts";
import { next } from "../../../../kit/wrapping.ts";
import { encodeJob, type FromHandler, type LinkEnd, type ToHandler, type WireJob } from "../shared/offload-protocol.ts";
import type { RemoteJob } from "./remote-job.ts";
import { ResponseRing } from "../shared/response-ring.ts";
import { killDecision, type Sentence } from "./kill-policy.ts";
import { Ring } from "../shared/job-ring.ts";
import { LivenessProbe } from "./liveness-probe.ts";
import { SentJobs } from "./sent-jobs.ts";
import { SharedLoop } from "./shared-loop.ts";

export interface LinkOwner {
  /** The handler of this exchange threw or rejected. */
  readonly failed: (exchange: HandledExchange, error: unknown) => void;
  /** Its response could not be sent as its handler wrote it. */
  readonly misframed: (exchange: HandledExchange, fault: FramingFault) => void;
  /** A job is done. It ran this long. */
  readonly ran: (ms: number) => void;
  /** A response is complete: its thread takes the next job at about this time. */
  readonly answered: () => void;
  /** The thread may take others: all jobs of the link are done, or those that are not only wait. */
  readonly freed: () => void;
  /** A job computes or blocks: what its thread has not begun should run elsewhere. */
  readonly held: (link: Link) => void;
  /** The thread may be blocked and not receive its messages. */
  readonly wake: (link: Link) => void;
  /** The handler thread is past its time. */
  readonly kill: (link: Link, why: string) => void;
}

export class Link {
  readonly id: number;
  /** The handler thread's place on the board. */
  readonly seat: Seat;
  /** It runs a long handler, so no job is sent behind it. */
  long = false;
  readonly #owner: LinkOwner;
  readonly #port: MessagePort;
  readonly #ring: Ring;
  readonly #answers: ResponseRing;
  readonly #jobs: SentJobs;
  #outbox: WireJob[] = [];
  readonly #probe = new LivenessProbe();
  /** Under `tasks`. */
  readonly #loop: SharedLoop | undefined;
  #doomed = false;
  /** A job said that it computes or blocks. */
  #isHeld = false;
  /** Jobs of a thread that runs one at a time which said that they only wait. */
  #waiting = 0;
  /** Messages received. */
  #heard: number;

  /** `loopLimitMs`: under `tasks`, how long jobs without a limit may block their thread. */
  constructor(id: number, { port, ring, answers, seat, start }: LinkEnd, owner: LinkOwner, loopLimitMs?: number) {
    this.id = id;
    this.seat = seat;
    this.#owner = owner;
    this.#port = port;
    this.#ring = new Ring(ring);
    this.#answers = new ResponseRing(answers);
    this.#loop = loopLimitMs === undefined ? undefined : new SharedLoop(loopLimitMs);
    this.#jobs = new SentJobs(this.#ring, start?.seq ?? 1, (job) => this.#started(job));
    this.#heard = start?.said ?? 0;
    port.on("message", this.#receive);
    // An open link must not keep a finished serving thread alive.
    port.unref();
  }

  /** Sent with the next flush. */
  send(job: RemoteJob, serverTiming: boolean): void {
    const seq = this.#jobs.add(job);
    job.startedMs = undefined;
    job.isBeside = this.#loop !== undefined;
    this.#ring.open(seq, job.ahead);
    job.exchange.handler = this.id;
    this.#outbox.push(encodeJob(job.describe(seq, serverTiming)));
    job.sent(seq, monotonicMs(), this.#post);
  }

  /** One message for all jobs sent since the last flush. */
  flush(): void {
    if (this.#outbox.length === 0) return;
    const jobs = this.#outbox;
    this.#outbox = [];
    this.#loop?.flushed(monotonicMs());
    this.#post({ type: "jobs", jobs });
  }

  readonly #post = (message: ToHandler, transfer: readonly ArrayBuffer[] = []): void => {
    // The job that it is about may not have been sent.
    if (message.type === "abort") this.flush();
    this.#port.postMessage(message, [...transfer]);
    if (message.type === "abort" || message.type === "ping") this.#owner.wake(this);
  };

  readonly #receive = (message: FromHandler): void => {
    this.#probe.heard();
    // First what lies there from before this message, below what is from after it.
    this.#takeAnswers();
    this.#heard = next(this.#heard);
    if (message.type === "answers") this.#answers.heard();
    else this.#deal(message);
    this.#takeAnswers();
    this.#jobs.noteStarts();
  };

  #takeAnswers(): void {
    for (let each = this.#answers.take(this.#heard); each !== undefined; each = this.#answers.take(this.#heard)) {
      this.#deal(each);
    }
  }

  #write(job: RemoteJob, message: FromHandler & { type: "write" }): void {
    this.#started(job);
    job.write(message);
    if (message.ends) this.#owner.answered();
  }

  #deal(message: Exclude<FromHandler, { type: "answers" }>): void {
    if (message.type === "held") {
      this.#isHeld = message.held;
      if (message.held) this.#owner.held(this);
      else this.#owner.freed();
      return;
    }
    const job = this.#jobs.get(message.seq);
    if (job === undefined) return;
    switch (message.type) {
      case "write":
        this.#write(job, message);
        break;
      case "pull":
        this.#started(job);
        job.pull();
        break;
      case "failed":
        this.#started(job);
        this.#owner.failed(job.exchange, fromWire(message.error));
        break;
      case "misframed":
        this.#owner.misframed(job.exchange, message.fault);
        break;
      case "heard":
        job.heard = true;
        break;
      case "destroyed":
        job.exchange.res.destroy();
        break;
      case "alive":
        break;
      case "beside":
        this.#started(job);
        this.#reclassified(job, message.beside);
        break;
      case "done":
        this.#done(job, message.ranMs);
        break;
    }
  }

  #done(job: RemoteJob, ranMs: number): void {
    this.#started(job);
    job.over();
    this.#jobs.remove(job);
    if (this.#loop === undefined && job.isBeside) {
      this.#waiting--;
      return;
    }
    this.long = false;
    this.#owner.ran(ranMs);
    if (this.#jobs.size === this.#waiting) this.#owner.freed();
  }

  #reclassified(job: RemoteJob, isBeside: boolean): void {
    if (job.isBeside === isBeside) return;
    job.isBeside = isBeside;
    this.#waiting += isBeside ? 1 : -1;
    this.long = false;
    if (isBeside) this.#owner.freed();
  }

  /** Its run time counts from here. */
  #started(job: RemoteJob): void {
    if (job.startedMs !== undefined) return;
    const startedMs = this.#ring.startedMs(job.seq);
    if (startedMs === undefined) return;
    job.startedMs = startedMs;
    this.#loop?.turned(startedMs);
    if (job.exchange.state !== "queued") return;
    job.exchange.state = "executing";
    job.exchange.executedMs = Math.max(job.exchange.receivedMs, startedMs - monotonicMs() + performance.now());
  }

  /**
   * Recalls the jobs that have waited since before `beforeMs`: behind another one, or under `tasks`, for a thread that does not
   * begin them.
   */
  recall(beforeMs: number): RemoteJob[] {
    if (this.#loop === undefined && this.busySinceMs === Infinity) return [];
    const recalled = this.#jobs.unbegun().filter((job) => job.sentMs <= beforeMs && this.take(job));
    if (recalled.length > 0 && this.#loop === undefined) this.long = true;
    return recalled;
  }

  /** Takes a job back. False if the handler thread has begun it. */
  take(job: RemoteJob): boolean {
    return this.#jobs.take(job);
  }

  /** Whether the job was sent here and has not begun. */
  holds(job: RemoteJob): boolean {
    return this.#jobs.holds(job);
  }

  /** It runs no long handler, is not past its time, and begins what it gets. */
  get takesMore(): boolean {
    return !this.long && !this.#isHeld && !this.#doomed && !this.#jobs.isFull && this.#loop?.isStuck !== true;
  }

  /** A job may wait behind another. */
  get isDeep(): boolean {
    return this.#loop === undefined ? this.#jobs.size - this.#waiting > 1 : this.#jobs.hasUnbegun;
  }

  /** When it began the job of this link that it runs now. Infinity: none; it is waking up, or runs another link's job. */
  get busySinceMs(): number {
    for (const job of this.#jobs.all()) {
      if (!this.#ring.hasThread(job.seq)) continue;
      this.#started(job);
      return job.startedMs ?? Infinity;
    }
    return Infinity;
  }

  /** It has not begun a job that was sent before this time. */
  isLate(beforeMs: number): boolean {
    return this.#jobs.isLate(beforeMs);
  }

  /** Under `tasks`: notes whether the thread is blocked. */
  look(nowMs: number): void {
    this.#loop?.look(this.#ring.read, nowMs);
  }

  /** Notes started jobs, and kills the handler thread if it is past its job's time. */
  watch(nowMs: number): void {
    this.#takeAnswers();
    this.#probe.look(nowMs);
    this.#jobs.noteStarts();
    if (this.#loop !== undefined) {
      this.look(nowMs);
      this.#sentence(this.#loop.judge(this.#jobs, this.#probe, nowMs), undefined);
      return;
    }
    for (const job of this.#jobs.all()) {
      // Its response is out. Its background work gets the same time again. The rest of a body has its own limits.
      if (job.exchange.state === "ended" && job.toldMs === 0 && !job.isReading) job.toldMs = nowMs;
      if (this.#doomed || job.startedMs === undefined || this.#ring.isDone(job.seq)) continue;
      this.#sentence(killDecision(job, job.startedMs, this.#probe, nowMs), job);
    }
  }

  #sentence(sentence: Sentence, job: RemoteJob | undefined): void {
    if (sentence === undefined || this.#doomed) return;
    if (sentence === "ask") return this.#post({ type: "ping", seq: job?.seq ?? 0 });
    this.#doomed = true;
    const { req, id } = job?.exchange ?? {};
    this.#owner.kill(this, `${req === undefined ? "" : `${req.method} ${req.url} (${id}) `}${sentence.because}`);
  }

  /** As far as the ring says. Its cell may be another job's, and the thread may have died before it said that the job is done. */
  #mayRun({ seq, exchange }: RemoteJob): boolean {
    return (
      this.#ring.hasThread(seq) || this.#ring.isRunning(seq) || !(this.#ring.isDone(seq) || exchange.res.writableEnded)
    );
  }

  /** The handler thread is dead: started jobs fail with `why`, the others are returned. */
  close(why: Error): RemoteJob[] {
    // Its last messages still count. The news of its death comes on another port, so it may overtake them.
    for (let rest = receiveMessageOnPort(this.#port); rest !== undefined; rest = receiveMessageOnPort(this.#port))
      this.#receive(rest.message as FromHandler);
    this.#takeAnswers();
    this.#doomed = true;
    const unstarted = this.#jobs.unbegun().filter((job) => this.take(job));
    for (const job of this.#jobs.all()) {
      this.#jobs.remove(job);
      this.#started(job);
      job.over();
      if (this.#mayRun(job) && job.exchange.state !== "ended" && !job.exchange.aborted)
        this.#owner.failed(job.exchange, why);
    }
    this.#port.close();
    return unstarted;
  }
}
