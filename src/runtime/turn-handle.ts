/**
 * Lets other threads see and end the unit whose code runs, by evaluating an expression. Both sides import it from here. An
 * evaluation in a paused thread has the async context of the code that was paused.
 */

import { perThread } from "../kit/per-thread.ts";
import { runQueue } from "./run-queue.ts";
import { runningUnit } from "./running-unit.ts";
import type { TurnView } from "../supervise/inspect/turn-look.ts";

interface TurnHandle {
  view(): TurnView | undefined;
  condemn(): void;
}

const NAME = "turn";
const HANDLE = `globalThis[Symbol.for("heddle:${NAME}")]`;

/** Evaluates to the TurnView of the unit whose code runs. */
export const VIEW: string = `${HANDLE}?.view()`;
/** Evaluated while the thread is paused, before its stretch is terminated. */
export const CONDEMN: string = `${HANDLE}.condemn()`;

/** Lets other threads see and end this thread's units. */
export function exposeTurns(): void {
  runQueue.isInterruptible = true;
  perThread<TurnHandle>(NAME, () => ({ view, condemn: () => runQueue.condemn(runningUnit()) }));
}

function view(): TurnView | undefined {
  const unit = runningUnit();
  if (unit !== undefined) {
    const seen = unit.view?.();
    return seen !== undefined && runQueue.hasResumedAnother(unit) ? { ...seen, besideOthers: true } : seen;
  }
  const { current } = runQueue;
  // A unit that could be ended would be known. This is other code, which runs while that unit has the turn.
  return current?.cutOff === undefined ? current?.view?.() : undefined;
}
