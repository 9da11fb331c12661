/** The unit whose code runs on a thread, as another thread sees it, and how that thread can end it. */

import type { StackFrame } from "./thread-stack.ts";

/** What another thread may know about the unit whose code runs. */
export interface TurnView {
  readonly what: "task" | "actor";
  readonly id: number;
  readonly name: string | undefined;
  /** The number of its current turn: the same unit may have got the turn again. */
  readonly stretch: number;
  /** It has ended, and unwinds. */
  readonly hasEnded?: boolean;
  /** Another unit was resumed in the same run of microtasks, and would be lost with it. So it must not be ended now. */
  readonly besideOthers?: boolean;
}

export interface TurnLook {
  readonly turn: TurnView | undefined;
  /** Those of the actors asked for that have exited. */
  readonly gone: readonly number[];
  /** The innermost function of the program. */
  readonly frame: StackFrame | undefined;
  /** The innermost frames, as text. */
  readonly stack?: string;
}

/**
 * - `ended`: the unit is dead, and the thread goes on.
 * - `spared`: another unit's code or nobody's ran, or one that must not be ended there.
 * - `silent`: the thread did not answer. It is inside a native call, or gone.
 */
export type Interruption = "ended" | "spared" | "silent";

export interface TurnInspector {
  /**
   * The unit whose code runs on a thread, where it is, and which of these actors have exited. Undefined: the thread does not
   * answer.
   */
  readonly lookAtTurn: (
    threadId: number,
    timeoutMs: number,
    actors: readonly number[],
  ) => Promise<TurnLook | undefined>;
  /** Ends the unit whose code runs, if `isMeant` returns true for it. */
  readonly interrupt: (threadId: number, isMeant: (turn: TurnView) => boolean) => Promise<Interruption>;
}
