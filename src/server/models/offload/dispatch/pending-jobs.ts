/**
 * The requests of one serving thread that wait for a handler thread, first come, first served. All serving threads of the
 * worker share the count on the board.
 *
 * Invariant: a job in this queue counts on the board as waiting. A job that leaves it for good is subtracted. A job that is
 * sent ahead still counts (`job-prefetch.ts`), and does not count again when it is put back.
 *
 * Memory: one word, written by this thread alone: the number of jobs in the queue. It is written right after the board. When
 * the thread dies, the acceptor subtracts as many on the board (`server/worker/handlers/pool-links.ts`). If it dies at the
 * instant in which a job leaves the queue to be sent ahead, that job counts as waiting until the worker ends.
 */

import type { Board } from "../shared/pool-board.ts";
import type { RemoteJob } from "./remote-job.ts";

export class PendingJobs {
  readonly #board: Board;
  readonly #limit: number;
  readonly #jobs: RemoteJob[] = [];
  readonly #count: Int32Array<SharedArrayBuffer>;

  /** `limit`: the most that may wait on all serving threads together. `count`: the word for the number of those here. */
  constructor(board: Board, limit: number, count: SharedArrayBuffer) {
    this.#board = board;
    this.#limit = limit;
    this.#count = new Int32Array(count);
  }

  get length(): number {
    return this.#jobs.length;
  }

  get first(): RemoteJob | undefined {
    return this.#jobs[0];
  }

  /** False: the queue is full. */
  join(job: RemoteJob): boolean {
    if (!this.#board.tryWait(this.#limit)) return false;
    this.#count[0]!++;
    this.#jobs.push(job);
    return true;
  }

  /** Removes the first job: it was dispatched, or waited too long. */
  leave(): RemoteJob {
    this.#stopWaiting();
    return this.#jobs.shift()!;
  }

  /** Removes the first job: it is sent ahead, and still waits. */
  sendAhead(): void {
    this.#count[0]!--;
    this.#jobs.shift();
  }

  /** Removes a job, wherever it is in the queue. False: it is not here. */
  remove(job: RemoteJob): boolean {
    const at = this.#jobs.indexOf(job);
    if (at === -1) return false;
    this.#jobs.splice(at, 1);
    this.#stopWaiting();
    return true;
  }

  /** Puts jobs back at the head of the queue: they came first. Drops those whose client has left meanwhile. */
  putBack(jobs: readonly RemoteJob[]): void {
    // Jobs sent ahead still count on the board.
    this.#board.waitAgain(jobs.filter(({ ahead }) => !ahead).length);
    this.#count[0]! += jobs.length;
    for (const job of jobs) {
      job.ahead = false;
      job.exchange.handler = undefined;
    }
    this.#jobs.unshift(...jobs.filter((job) => !this.#isGone(job)));
  }

  #isGone({ exchange }: RemoteJob): boolean {
    if (exchange.state !== "ended" && !exchange.aborted) return false;
    this.#stopWaiting();
    return true;
  }

  #stopWaiting(): void {
    this.#board.stopWaiting();
    this.#count[0]!--;
  }
}
