/**
 * A serving thread's link to one handler thread: the jobs that were sent there and are not done.
 *
 *   send → (flush) → started → done
 *             └────→ recalled, if it lies behind a long one
 *
 * Invariants
 * - The handler thread runs the jobs in the order they were sent, one at a time.
 * - A job leaves the link exactly once: done, recalled, or with the link when its thread is dead.
 * - Its run time begins when the handler thread claims it (`job-ring.ts`); until then it is queued.
 *
 * Jobs and messages are numbered by counts that wrap at 2^32 (`wrapping.ts`). Both sides compare them by their distance only.
 */

import { receiveMessageOnPort, type MessagePort } from "node:worker_threads";
import type { FramingFault } from "../../../app/response-framing.ts";
import { fromWire } from "../../../../errors/errors.ts";
import { monotonicMs } from "../../../../kit/clock.ts";
import type { HandledExchange } from "../../handled-exchange.ts";
import type { Seat } from "../../../../supervise/slot-table.ts";
import { isAfter, next, previous } from "../../../../kit/wrapping.ts";
import { encodeJob, type FromHandler, type LinkEnd, type ToHandler, type WireJob } from "../shared/offload-protocol.ts";
import type { RemoteJob } from "./remote-job.ts";
import { ResponseRing } from "../shared/response-ring.ts";
import { killDecision } from "./kill-policy.ts";
import { JobWindow } from "./job-window.ts";
import { Ring } from "../shared/job-ring.ts";
import { LivenessProbe } from "./liveness-probe.ts";

export interface LinkOwner {
  /** The handler of this exchange threw or rejected. */
  readonly failed: (exchange: HandledExchange, error: unknown) => void;
  /** Its response could not be sent as its handler wrote it. */
  readonly misframed: (exchange: HandledExchange, fault: FramingFault) => void;
  /** A job is done that ran for so long. */
  readonly ran: (ms: number) => void;
  /** A response is complete: its thread takes the next job about now. */
  readonly answered: () => void;
  /** All jobs of the link are done. */
  readonly freed: () => void;
  /** It may be blocked and not hear its messages. */
  readonly wake: (link: Link) => void;
  /** The handler thread is past its time. */
  readonly kill: (link: Link, why: string) => void;
}

export class Link {
  readonly id: number;
  /** The handler thread's place on the board. */
  readonly seat: Seat;
  /** Runs something long: nothing is put behind it. */
  long = false;
  readonly #owner: LinkOwner;
  readonly #port: MessagePort;
  readonly #ring: Ring;
  readonly #answers: ResponseRing;
  readonly #jobs: JobWindow;
  #outbox: WireJob[] = [];
  readonly #probe = new LivenessProbe();
  #doomed = false;
  /** Messages that have come. */
  #heard: number;

  constructor(id: number, { port, ring, answers, seat, start }: LinkEnd, owner: LinkOwner) {
    this.id = id;
    this.seat = seat;
    this.#owner = owner;
    this.#port = port;
    this.#ring = new Ring(ring);
    this.#answers = new ResponseRing(answers);
    this.#jobs = new JobWindow(this.#ring.cells, start?.seq ?? 1);
    this.#heard = start?.said ?? 0;
    port.on("message", this.#receive);
    // A link must not keep a serving thread alive that has finished.
    port.unref();
  }

  /** Sent with the next flush. */
  send(job: RemoteJob, serverTiming: boolean): void {
    const seq = this.#jobs.add(job);
    this.#ring.open(seq, job.ahead);
    job.exchange.handler = this.id;
    this.#outbox.push(encodeJob(job.describe(seq, serverTiming)));
    job.sent(seq, monotonicMs(), this.#post);
  }

  /** One message for all that was sent since the last. */
  flush(): void {
    if (this.#outbox.length === 0) return;
    const jobs = this.#outbox;
    this.#outbox = [];
    this.#post({ type: "jobs", jobs });
  }

  readonly #post = (message: ToHandler, transfer: readonly ArrayBuffer[] = []): void => {
    // What it is about may not have been sent.
    if (message.type === "abort") this.flush();
    this.#port.postMessage(message, [...transfer]);
    if (message.type === "abort" || message.type === "ping") this.#owner.wake(this);
  };

  readonly #receive = (message: FromHandler): void => {
    this.#probe.heard();
    // What was said before this message, and what after it.
    this.#takeAnswers();
    this.#heard = next(this.#heard);
    if (message.type === "answers") this.#answers.heard();
    else this.#deal(message);
    this.#takeAnswers();
    this.#reap(undefined);
  };

  #takeAnswers(): void {
    let last: number | undefined;
    for (let each = this.#answers.take(this.#heard); each !== undefined; each = this.#answers.take(this.#heard)) {
      last = each.seq;
      const job = this.#jobs.get(last);
      if (job !== undefined) this.#write(job, each);
    }
    if (last !== undefined) this.#reap(previous(last));
  }

  #write(job: RemoteJob, message: FromHandler & { type: "write" }): void {
    this.#started(job);
    job.write(message);
    if (message.ends) this.#owner.answered();
  }

  #deal(message: Exclude<FromHandler, { type: "answers" }>): void {
    if (message.type === "done") {
      this.#reap(message.seq);
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
    }
    // Those before it said all they had to say.
    this.#reap(previous(message.seq));
  }

  /** Lets go of the done ones up to `last`, if it is given, and of those after it that have nothing left to say. */
  #reap(last: number | undefined): void {
    let reaped = false;
    for (const job of this.#jobs) {
      const ranMs = this.#ring.ranMs(job.seq);
      if (last === undefined || isAfter(job.seq, last)) {
        // Asked when it is known that it is done: it says nothing after that.
        if (ranMs === undefined || !this.#answers.isQuiet(this.#heard)) break;
      } else if (ranMs === undefined) continue;
      job.over();
      this.#jobs.remove(job.seq);
      this.long = false;
      reaped = true;
      this.#owner.ran(ranMs);
    }
    if (reaped && this.#jobs.size === 0) this.#owner.freed();
  }

  /** Its run time counts from here. */
  #started(job: RemoteJob): void {
    if (job.exchange.state !== "queued") return;
    const startedMs = this.#ring.startedMs(job.seq);
    if (startedMs === undefined) return;
    job.exchange.state = "executing";
    job.exchange.executedMs = Math.max(job.exchange.receivedMs, startedMs - monotonicMs() + performance.now());
  }

  /** What has lain behind another job since before `beforeMs`, and can be run elsewhere. */
  recall(beforeMs: number): RemoteJob[] {
    if (this.busySinceMs === Infinity) return [];
    const recalled = [...this.#jobs].filter((job) => job.sentMs <= beforeMs && this.take(job));
    if (recalled.length > 0) this.long = true;
    return recalled;
  }

  /** Takes a job back; false if the handler thread has begun it. */
  take(job: RemoteJob): boolean {
    if (this.#jobs.get(job.seq) !== job || this.#ring.recall(job.seq) === "begun") return false;
    this.#jobs.remove(job.seq);
    return true;
  }

  /** It was sent here and has not begun. Numbers are a link's own: one that was moved may have the number of another. */
  holds(job: RemoteJob): boolean {
    return this.#jobs.get(job.seq) === job && this.#ring.isOpen(job.seq);
  }

  /** Neither runs something long, nor is past its time, nor is faster than this thread reads what it says. */
  get takesMore(): boolean {
    return !this.long && !this.#doomed && !this.#jobs.isFull;
  }

  /** Something may lie behind something else. */
  get isDeep(): boolean {
    return this.#jobs.size > 1;
  }

  /** When it began the job of this link that it runs. Infinity: none; it is only waking up, or runs another link's. */
  get busySinceMs(): number {
    for (const { seq } of this.#jobs) if (this.#ring.isRunning(seq)) return this.#ring.startedMs(seq) ?? Infinity;
    return Infinity;
  }

  /** Notes starts, and has a handler thread ended that is past its job's time. */
  watch(nowMs: number): void {
    this.#probe.look(nowMs);
    for (const job of this.#jobs) {
      this.#started(job);
      // Its response is out; what it still does in the background has the same time. The rest of a body has limits of its own.
      if (job.exchange.state === "ended" && job.toldMs === 0 && !job.isReading) job.toldMs = nowMs;
      if (this.#doomed || !this.#ring.isRunning(job.seq)) continue;
      const sentence = killDecision(job, this.#ring.startedMs(job.seq) ?? nowMs, this.#probe, nowMs);
      if (sentence === "ask") this.#post({ type: "ping", seq: job.seq });
      else if (sentence !== undefined) this.#doom(job.exchange, sentence.because);
    }
  }

  #doom(exchange: HandledExchange, what: string): void {
    this.#doomed = true;
    this.#owner.kill(this, `${exchange.req.method} ${exchange.req.url} (${exchange.id}) ${what}`);
  }

  /** The handler thread is dead: what it had started fails with `why`, what it had not is returned. */
  close(why: Error): RemoteJob[] {
    // What it said before its end still counts: its death is told on another port and may overtake it.
    for (let rest = receiveMessageOnPort(this.#port); rest !== undefined; rest = receiveMessageOnPort(this.#port))
      this.#receive(rest.message as FromHandler);
    this.#takeAnswers();
    this.#doomed = true;
    const unstarted: RemoteJob[] = [];
    for (const job of this.#jobs) {
      this.#jobs.remove(job.seq);
      if (this.#ring.recall(job.seq) === "recalled") {
        unstarted.push(job);
        continue;
      }
      job.over();
      if (this.#ring.isRunning(job.seq) && job.exchange.state !== "ended" && !job.exchange.aborted) {
        this.#started(job);
        this.#owner.failed(job.exchange, why);
      }
    }
    this.#port.close();
    return unstarted;
  }
}
