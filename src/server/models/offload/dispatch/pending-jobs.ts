/**
 * The requests of one serving thread that wait for a handler thread, first come, first served, and their count on the board, which
 * all serving threads of the worker share.
 *
 * Invariant: whoever is in the line counts on the board as waiting. Who leaves it for good is taken off; who is sent ahead of its
 * turn still counts (`job-prefetch.ts`), and does not count again when it is put back.
 *
 * Memory: one word, written by this thread alone: how many are in the line. It is written right after the board. When the thread dies the acceptor
 * takes as many off the board (`server/worker/pool-links.ts`). If it dies in the instant in which one leaves the line to be
 * sent ahead, that one counts as waiting until the worker ends.
 */

import type { Board } from "../shared/pool-board.ts";
import type { RemoteJob } from "./remote-job.ts";

export class WaitingLine {
  readonly #board: Board;
  readonly #limit: number;
  readonly #jobs: RemoteJob[] = [];
  readonly #told: Int32Array<SharedArrayBuffer>;

  /** `limit`: so many may wait on all serving threads together. `told`: for the number of those here. */
  constructor(board: Board, limit: number, told: SharedArrayBuffer) {
    this.#board = board;
    this.#limit = limit;
    this.#told = new Int32Array(told);
  }

  get length(): number {
    return this.#jobs.length;
  }

  get first(): RemoteJob | undefined {
    return this.#jobs[0];
  }

  /** False: the line is full. */
  join(job: RemoteJob): boolean {
    if (!this.#board.tryWait(this.#limit)) return false;
    this.#told[0]!++;
    this.#jobs.push(job);
    return true;
  }

  /** The first has waited long enough. */
  leave(): RemoteJob {
    this.#stopWaiting();
    return this.#jobs.shift()!;
  }

  /** The first goes ahead: it waits elsewhere. */
  sendAhead(): void {
    this.#told[0]!--;
    this.#jobs.shift();
  }

  /** It waits no more, wherever it stands. False: it is not here. */
  remove(job: RemoteJob): boolean {
    const at = this.#jobs.indexOf(job);
    if (at === -1) return false;
    this.#jobs.splice(at, 1);
    this.#stopWaiting();
    return true;
  }

  /** To the head of the line, for they were there before. Those whose client has left meanwhile are dropped. */
  putBack(jobs: readonly RemoteJob[]): void {
    // The others were never off the board.
    this.#board.waitAgain(jobs.filter(({ ahead }) => !ahead).length);
    this.#told[0]! += jobs.length;
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
    this.#told[0]!--;
  }
}
