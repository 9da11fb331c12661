/**
 * The requests of one serving thread that wait for a handler thread, first come, first served, and their count on the board, which
 * all serving threads of the worker share.
 *
 * Invariant: whoever is in the line counts on the board as waiting. Who leaves it for good is taken off; who is sent ahead of its
 * turn still counts (`job-prefetch.ts`), and does not count again when it is put back.
 */

import type { Board } from "../shared/pool-board.ts";
import type { RemoteJob } from "./remote-job.ts";

export class WaitingLine {
  readonly #board: Board;
  readonly #limit: number;
  readonly #jobs: RemoteJob[] = [];

  /** `limit`: so many may wait on all serving threads together. */
  constructor(board: Board, limit: number) {
    this.#board = board;
    this.#limit = limit;
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
    this.#jobs.push(job);
    return true;
  }

  /** The first has waited long enough. */
  leave(): RemoteJob {
    this.#board.stopWaiting();
    return this.#jobs.shift()!;
  }

  /** The first goes ahead: it waits elsewhere. */
  sendAhead(): void {
    this.#jobs.shift();
  }

  /** It waits no more, wherever it stands. False: it is not here. */
  remove(job: RemoteJob): boolean {
    const at = this.#jobs.indexOf(job);
    if (at === -1) return false;
    this.#jobs.splice(at, 1);
    this.#board.stopWaiting();
    return true;
  }

  /** To the head of the line, for they were there before. Those whose client has left meanwhile are dropped. */
  putBack(jobs: readonly RemoteJob[]): void {
    // The others were never off the board.
    this.#board.waitAgain(jobs.filter(({ ahead }) => !ahead).length);
    for (const job of jobs) {
      job.ahead = false;
      job.exchange.handler = undefined;
    }
    this.#jobs.unshift(...jobs.filter((job) => !this.#isGone(job)));
  }

  #isGone({ exchange }: RemoteJob): boolean {
    if (exchange.state !== "ended" && !exchange.aborted) return false;
    this.#board.stopWaiting();
    return true;
  }
}
