/**
 * The tasks and actors of one thread of the app, and of those that the app has started from there: the acceptor's side. The thread's
 * own is `units-here.ts`. Counts are in shared memory. Everything else the thread is asked for, and does not get long to answer.
 */

import { PendingRequests } from "../../../kit/pending-requests.ts";
import { CountsRow, type UnitCounts } from "../../../runtime/watch/unit-counts.ts";
import type { ThreadName, UnitAnswer, UnitQuestion } from "../../../runtime/watch/unit-look.ts";
import type { PublishedRow } from "../../../runtime/watch/unit-publisher.ts";
import type { UnitsAsked, UnitsTold } from "./units-here.ts";

/** The arbiter waits for 2 s. A collection of a large heap takes seconds. */
const PATIENCE_MS: Readonly<Record<UnitQuestion, number>> = { look: 1000, tree: 1000, leaks: 40_000 };

interface Row extends ThreadName {
  readonly row: CountsRow;
}

export interface CountedThread extends ThreadName {
  readonly counts: UnitCounts;
}

export class WatchedUnits {
  readonly #post: (asked: UnitsAsked) => void;
  readonly #questions = new PendingRequests(PATIENCE_MS.look);
  /** By Node's number of the thread. */
  readonly #rows = new Map<number, Row>();

  constructor(post: (asked: UnitsAsked) => void) {
    this.#post = post;
  }

  /** The app on this thread has imported `heddle/tasks` or `heddle/actors`. */
  get isUsed(): boolean {
    return this.#rows.size > 0;
  }

  told(message: UnitsTold): void {
    if (message.type === "units-row") this.add(message.row);
    else this.#questions.answer(message.id, message.answers);
  }

  add({ row, ...name }: PublishedRow): void {
    this.#rows.set(name.threadId!, { ...name, row: new CountsRow(row) });
  }

  /** Of each of its threads that lives, at most some seconds old. */
  counts(): CountedThread[] {
    for (const [threadId, { row }] of this.#rows) if (row.isClosed) this.#rows.delete(threadId);
    return [...this.#rows.values()].map(({ row, ...name }) => ({ ...name, counts: row.read() }));
  }

  /** Undefined: the thread has not answered in time. Empty: it has no units, and is not asked. */
  async ask(question: UnitQuestion): Promise<readonly UnitAnswer[] | undefined> {
    if (!this.isUsed) return [];
    const answers = await this.#questions.ask(
      (id) => this.#post({ type: "units", id, question }),
      PATIENCE_MS[question],
    );
    return answers as readonly UnitAnswer[] | undefined;
  }

  /** The thread is gone. */
  close(): void {
    this.#questions.giveUp();
    this.#rows.clear();
  }
}
