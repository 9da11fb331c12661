/**
 * The tasks and actors of one thread of the app: the acceptor's side. The thread's own is `units-here.ts`. Counts are in shared memory.
 * Everything else the thread is asked for, and does not get long to answer.
 */

import { PendingRequests } from "../../../kit/pending-requests.ts";
import { CountsRow, type UnitCounts } from "../../../runtime/watch/unit-counts.ts";
import type { UnitAnswer, UnitQuestion } from "../../../runtime/watch/unit-look.ts";
import type { UnitsAsked, UnitsTold } from "./units-here.ts";

/** The arbiter waits for 2 s. A collection of a large heap takes seconds. */
export const UNITS_PATIENCE_MS: Readonly<Record<UnitQuestion, number>> = { look: 1000, tree: 1000, leaks: 30_000 };

export class WatchedUnits {
  readonly #post: (asked: UnitsAsked) => void;
  readonly #questions = new PendingRequests(UNITS_PATIENCE_MS.look);
  #row: CountsRow | undefined;

  constructor(post: (asked: UnitsAsked) => void) {
    this.#post = post;
  }

  /** At most some seconds old. Undefined: the app on this thread has imported neither `heddle/tasks` nor `heddle/actors`. */
  get counts(): UnitCounts | undefined {
    return this.#row?.read();
  }

  told(message: UnitsTold): void {
    if (message.type === "units-row") this.#row = new CountsRow(message.row.row);
    else this.#questions.answer(message.id, message.answer);
  }

  /** Undefined: it has not answered in time, or has nothing to say. */
  async ask(question: UnitQuestion): Promise<UnitAnswer | undefined> {
    if (this.#row === undefined) return undefined;
    const post = (id: number): void => this.#post({ type: "units", id, question });
    return (await this.#questions.ask(post, UNITS_PATIENCE_MS[question])) as UnitAnswer | undefined;
  }

  /** The thread is gone. */
  close(): void {
    this.#questions.giveUp();
    this.#row = undefined;
  }
}
