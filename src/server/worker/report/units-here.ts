/**
 * A thread of the app, its own side of what `heddle status`, `threads` and `leaks` show of its tasks and actors. The acceptor's side is
 * `watched-units.ts`. Nothing is loaded, and nothing is told, until the app imports `heddle/tasks` or `heddle/actors`.
 */

import { messageOf } from "../../../errors/errors.ts";
import { answerHere, type UnitAnswer, type UnitQuestion } from "../../../runtime/watch/unit-look.ts";
import { type PublishedRow, publishCounts } from "../../../runtime/watch/unit-publisher.ts";

/** From the acceptor. */
export interface UnitsAsked {
  readonly type: "units";
  readonly id: number;
  readonly question: UnitQuestion;
}

export type UnitsTold =
  /** Undefined: the app uses neither tasks nor actors. */
  | { readonly type: "units-answer"; readonly id: number; readonly answer: UnitAnswer | undefined }
  /** There is something to count from now on, and it is counted in this shared memory. */
  | { readonly type: "units-row"; readonly row: PublishedRow };

export function watchUnits(tell: (told: UnitsTold) => void): void {
  publishCounts((row) => tell({ type: "units-row", row }));
}

/** Never rejects: a fault of what watches must not end what is watched. */
export async function answerUnits({ id, question }: UnitsAsked, tell: (told: UnitsTold) => void): Promise<void> {
  let answer: UnitAnswer | undefined;
  try {
    answer = await answerHere(question);
  } catch (error) {
    const message = `the tasks and actors of this thread cannot be shown: ${messageOf(error)}`;
    process.emitWarning(message, { type: "HeddleWarning", code: "INTERNAL" });
  }
  tell({ type: "units-answer", id, answer });
}
