/**
 * Lets other threads see and end the unit that has the turn, by evaluating an expression. Both sides import it from here.
 */

import { perThread } from "../kit/per-thread.ts";
import { runQueue } from "./run-queue.ts";
import type { TurnView } from "../supervise/inspect/turn-look.ts";

interface TurnHandle {
  view(): TurnView | undefined;
  condemn(): void;
}

const NAME = "turn";
const HANDLE = `globalThis[Symbol.for("heddle:${NAME}")]`;

/** Evaluates to the TurnView of the unit that has the turn. */
export const VIEW: string = `${HANDLE}?.view()`;
/** Evaluated while the thread is paused, before the stretch is terminated. */
export const CONDEMN: string = `${HANDLE}.condemn()`;

/** Lets other threads see and end this thread's units. */
export function exposeTurns(): void {
  runQueue.isInterruptible = true;
  perThread<TurnHandle>(NAME, () => ({
    view: () => runQueue.current?.view?.(),
    condemn: () => runQueue.condemn(),
  }));
}
