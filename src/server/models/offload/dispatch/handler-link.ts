/**
 * A serving thread's link to one handler thread: the jobs that were sent there and are not done.
 *
 *   send → (flush) → started → done
 *             └────→ recalled, if it waits behind a long one
 *
 * Invariants
 * - The handler thread runs the jobs in the order they were sent, one at a time.
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
  /** A job is done. It ran this long. */
  readonly ran: (ms: number) => void;
  /** A response is complete: its thread takes the next job at about this time. */
  readonly answered: () => void;
  /** All jobs of the link are done. */
  readonly freed: () => void;
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
  readonly #jobs: JobWindow;
  #outbox: WireJob[] = [];
  readonly #probe = new LivenessProbe();
  #doomed = false;
  /** Messages received. */
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
    // An open link must not keep a finished serving thread alive.
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

  /** One message for all jobs sent since the last flush. */
  flush(): void {
    if (this.#outbox.length === 0) return;
    const jobs = this.#outbox;
    this.#outbox = [];
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
    // First the responses from before this message, below those from after it.
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
    // Earlier jobs have sent all of their messages.
    this.#reap(previous(message.seq));
  }

  /** Removes the done jobs up to `last`, if it is given, and later ones that have nothing left to send. */
  #reap(last: number | undefined): void {
    let reaped = false;
    for (const job of this.#jobs) {
      const ranMs = this.#ring.ranMs(job.seq);
      if (last === undefined || isAfter(job.seq, last)) {
        // Check for answers only once the job is known to be done: it sends nothing after that.
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

  /** Recalls the jobs that have waited behind another since before `beforeMs`. */
  recall(beforeMs: number): RemoteJob[] {
    if (this.busySinceMs === Infinity) return [];
    const recalled = [...this.#jobs].filter((job) => job.sentMs <= beforeMs && this.take(job));
    if (recalled.length > 0) this.long = true;
    return recalled;
  }

  /** Takes a job back. False if the handler thread has begun it. */
  take(job: RemoteJob): boolean {
    if (this.#jobs.get(job.seq) !== job || this.#ring.recall(job.seq) === "begun") return false;
    this.#jobs.remove(job.seq);
    return true;
  }

  /** Whether the job was sent here and has not begun. Links number jobs separately, so compare the job too. */
  holds(job: RemoteJob): boolean {
    return this.#jobs.get(job.seq) === job && this.#ring.isOpen(job.seq);
  }

  /** It runs no long handler, is not past its time, and this thread keeps up with reading its messages. */
  get takesMore(): boolean {
    return !this.long && !this.#doomed && !this.#jobs.isFull;
  }

  /** A job may wait behind another. */
  get isDeep(): boolean {
    return this.#jobs.size > 1;
  }

  /** When it began the job of this link that it runs now. Infinity: none; it is waking up, or runs another link's job. */
  get busySinceMs(): number {
    for (const { seq } of this.#jobs) if (this.#ring.isRunning(seq)) return this.#ring.startedMs(seq) ?? Infinity;
    return Infinity;
  }

  /** Notes started jobs, and kills the handler thread if it is past its job's time. */
  watch(nowMs: number): void {
    this.#probe.look(nowMs);
    for (const job of this.#jobs) {
      this.#started(job);
      // Its response is out. Its background work gets the same time again. The rest of a body has its own limits.
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

  /** The handler thread is dead: started jobs fail with `why`, the others are returned. */
  close(why: Error): RemoteJob[] {
    // Its last messages still count. The news of its death comes on another port, so it may overtake them.
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
