/**
 * A thread of the app, its own side of what `heddle status`, `threads` and `leaks` show of its tasks and actors. The acceptor's side is
 * `watched-units.ts`. Nothing is loaded, and nothing is told, until the app imports `heddle/tasks` or `heddle/actors`.
 *
 * A thread that is the root of a runtime answers for the threads that this runtime has started, too.
 */

import { answerHere, runtimeHere, type UnitAnswer, type UnitQuestion } from "../../../runtime/watch/unit-look.ts";
import { type PublishedRow, publishCounts } from "../../../runtime/watch/unit-publisher.ts";

/** From the acceptor. */
export interface UnitsAsked {
  readonly type: "units";
  readonly id: number;
  readonly question: UnitQuestion;
}

export type UnitsTold =
  | { readonly type: "units-answer"; readonly id: number; readonly answers: readonly UnitAnswer[] }
  /** There is something to count from now on, and it is counted in this shared memory. */
  | { readonly type: "units-row"; readonly row: PublishedRow };

/** A third of what the acceptor waits, because a thread that does not answer is then looked at from outside. */
const THREAD_PATIENCE_MS: Readonly<Record<UnitQuestion, number>> = { look: 300, tree: 300, leaks: 30_000 };

export function watchUnits(tell: (told: UnitsTold) => void): void {
  const tellRow = (row: PublishedRow): void => tell({ type: "units-row", row });
  publishCounts(tellRow, () => {
    if (isRoot())
      void import("../../../runtime/watch/watch-service.ts").then((service) => service.watchThreads(tellRow));
  });
}

export async function answerUnits({ id, question }: UnitsAsked, tell: (told: UnitsTold) => void): Promise<void> {
  const [own, others] = await Promise.all([answerHere(question), askOthers(question)]);
  tell({ type: "units-answer", id, answers: own === undefined ? others : [own, ...others] });
}

async function askOthers(question: UnitQuestion): Promise<UnitAnswer[]> {
  if (!isRoot()) return [];
  const { askThreads } = await import("../../../runtime/watch/watch-service.ts");
  return await askThreads(question, THREAD_PATIENCE_MS[question]);
}

function isRoot(): boolean {
  return runtimeHere()?.role === "root";
}
