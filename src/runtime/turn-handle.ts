/**
 * Lets other threads see and end the unit whose code runs, by evaluating an expression. Both sides import it from here. An
 * evaluation in a paused thread has the async context of the code that was paused.
 */

import { prepareCollection } from "../kit/full-collection.ts";
import { perThread } from "../kit/per-thread.ts";
import { takeCensus, tellLost } from "./lost-units.ts";
import { runQueue } from "./run-queue.ts";
import { runningUnit } from "./running-unit.ts";
import type { TurnView } from "../supervise/inspect/turn-look.ts";

interface TurnHandle {
  view(): TurnView | undefined;
  condemn(): boolean;
  goneOf(actors: readonly number[]): readonly number[];
}

const NAME = "turn";
const HANDLE = `globalThis[Symbol.for("heddle:${NAME}")]`;

/** Evaluates to the TurnView of the unit whose code runs. */
export const VIEW: string = `${HANDLE}?.view()`;
/** Evaluates to those of these actors that do not exist any more. */
export function goneOf(actors: readonly number[]): string {
  return `${HANDLE}?.goneOf(${JSON.stringify(actors)})`;
}
/** Evaluated while the thread is paused, before its stretch is terminated. False: it must not be. It may collect garbage. */
export const CONDEMN: string = `${HANDLE}.condemn()`;

/** Whether another thread may still send something to an actor of this one. Set by the actors. */
export const actors: { lives: (id: number) => boolean } = { lives: () => true };

/** Lets other threads see and end this thread's units. */
export function exposeTurns(): void {
  runQueue.isInterruptible = true;
  prepareCollection();
  perThread<TurnHandle>(NAME, () => ({
    view,
    condemn: () => {
      const unit = runningUnit();
      return runQueue.condemn(unit, { before: () => takeCensus(unit), after: tellLost });
    },
    goneOf: (ids) => ids.filter((id) => !actors.lives(id)),
  }));
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
