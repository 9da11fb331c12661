/**
 * What a thread lets others see and do about who has its turn, by evaluating an expression in it. Both sides agree on it here.
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

/** Evaluates to the TurnView of who has the turn. */
export const VIEW: string = `${HANDLE}?.view()`;
/** Evaluated while the thread is stopped, before the stretch is terminated. */
export const CONDEMN: string = `${HANDLE}.condemn()`;

/** Lets this thread's units be looked at and ended. */
export function exposeTurns(): void {
  runQueue.isInterruptible = true;
  perThread<TurnHandle>(NAME, () => ({
    view: () => runQueue.current?.view?.(),
    condemn: () => runQueue.condemn(),
  }));
}
