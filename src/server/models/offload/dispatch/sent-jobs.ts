/**
 * The jobs of one link that were sent and are not done, by their number, and apart from these, in the order in which they were
 * sent, those that are not known to have begun. A handler thread begins them in that order.
 *
 * Invariant: a job's cell in the ring is used for another job only when its start was noted here (`job-ring.ts`).
 */

import { next } from "../../../../kit/wrapping.ts";
import { NumberTable } from "../shared/number-table.ts";
import type { Ring } from "../shared/job-ring.ts";
import type { RemoteJob } from "./remote-job.ts";

export class SentJobs {
  readonly #ring: Ring;
  readonly #started: (job: RemoteJob) => void;
  readonly #jobs = new NumberTable<RemoteJob>();
  /** Oldest first. */
  #unbegun: RemoteJob[] = [];
  /** The number of the next job. */
  #next: number;

  /** `started`: notes a job's start if the ring shows it. It is called again for a job whose start was noted. */
  constructor(ring: Ring, first: number, started: (job: RemoteJob) => void) {
    this.#ring = ring;
    this.#next = first;
    this.#started = started;
  }

  get size(): number {
    return this.#jobs.size;
  }

  /** No job can be added: the next cell belongs to one that has not begun. */
  get isFull(): boolean {
    return this.#ring.isTaken(this.#next);
  }

  /** Returns its number. Must not be called when full. */
  add(job: RemoteJob): number {
    // Its cell may be that of a job which has begun.
    if (this.#jobs.size >= this.#ring.cells) this.noteStarts();
    // One that has run for as long as it takes to count through all numbers.
    while (this.#jobs.get(this.#next) !== undefined) this.#next = next(this.#next);
    const seq = this.#next;
    this.#next = next(seq);
    this.#jobs.set(seq, job);
    this.#unbegun.push(job);
    return seq;
  }

  get(seq: number): RemoteJob | undefined {
    return this.#jobs.get(seq);
  }

  all(): RemoteJob[] {
    return this.#jobs.values();
  }

  remove(job: RemoteJob): void {
    this.#jobs.delete(job.seq);
    if (this.#unbegun[0] === job) this.#unbegun.shift();
    else if (job.startedMs === undefined) this.#unbegun = this.#unbegun.filter((each) => each !== job);
  }

  noteStarts(): void {
    let begun = 0;
    for (const job of this.#unbegun) {
      if (this.#ring.isOpen(job.seq)) break;
      this.#started(job);
      begun++;
    }
    if (begun > 0) this.#unbegun.splice(0, begun);
  }

  /** Those that are not known to have begun, the oldest first. */
  unbegun(): RemoteJob[] {
    this.noteStarts();
    return [...this.#unbegun];
  }

  /** Without asking the ring. */
  get hasUnbegun(): boolean {
    return this.#unbegun.length > 0;
  }

  /** One that was sent by this time has not begun. */
  isLate(beforeMs: number): boolean {
    this.noteStarts();
    const [oldest] = this.#unbegun;
    return oldest !== undefined && oldest.sentMs <= beforeMs;
  }

  /** Takes a job back. False if the handler thread has begun it, or if it is not here: links number jobs separately. */
  take(job: RemoteJob): boolean {
    if (this.#jobs.get(job.seq) !== job || this.#ring.recall(job.seq) === "begun") return false;
    this.remove(job);
    return true;
  }

  /** Whether the job was sent here and has not begun. */
  holds(job: RemoteJob): boolean {
    return this.#jobs.get(job.seq) === job && this.#ring.isOpen(job.seq);
  }
}
