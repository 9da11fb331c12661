/**
 * The jobs that a serving thread has sent ahead of their turn. Each waits behind the job that runs on its handler thread, so
 * the thread can begin it without asking.
 *
 * Invariant: such a job counts as waiting, on the board and for `--queue` and `--queue-timeout`, until its handler thread
 * begins it or it is taken back. Then it is removed from here.
 */

import type { Board } from "../shared/pool-board.ts";
import type { Link } from "./handler-link.ts";
import type { RemoteJob } from "./remote-job.ts";

interface Sent {
  readonly job: RemoteJob;
  readonly link: Link;
}

export class AheadJobs {
  readonly #board: Board;
  /** Oldest first. Some may have begun. */
  #sent: Sent[] = [];

  constructor(board: Board) {
    this.#board = board;
  }

  /** False: the thread has a job ahead already, or is idle or closed. True: the caller sends the job. */
  add(job: RemoteJob, link: Link): boolean {
    if (!this.#board.tryAddAhead(link.seat)) return false;
    job.ahead = true;
    this.#sent.push({ job, link });
    return true;
  }

  /** The number of jobs that have not begun. */
  get size(): number {
    this.forgetBegun();
    return this.#sent.length;
  }

  /** Call it when jobs were taken back at their link, before they are sent again. */
  forgetBegun(): void {
    if (this.#sent.length > 0) this.#sent = this.#sent.filter(({ job, link }) => link.holds(job));
  }

  /** Takes back at most `count`, oldest first. */
  take(count: number): RemoteJob[] {
    if (count === 0 || this.size === 0) return [];
    return this.#takeBack(this.#sent.slice(0, count));
  }

  takeThose(which: (job: RemoteJob) => boolean): RemoteJob[] {
    return this.#takeBack(this.#sent.filter(({ job }) => which(job)));
  }

  #takeBack(sent: readonly Sent[]): RemoteJob[] {
    const taken = sent.filter(({ job, link }) => link.take(job));
    for (const { link } of taken) this.#board.takeBackAhead(link.seat);
    this.forgetBegun();
    return taken.map(({ job }) => job);
  }
}
