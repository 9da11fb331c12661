/** The unit that has the turn on a thread, as another thread sees it, and how that thread can end it. */

import type { StackFrame } from "./thread-stack.ts";

/** What another thread may know about the unit that has the turn. */
export interface TurnView {
  readonly what: "task" | "actor";
  readonly id: number;
  readonly name: string | undefined;
  /** The number of its current turn: the same unit may have got the turn again. */
  readonly stretch: number;
}

export interface TurnLook {
  readonly turn: TurnView | undefined;
  /** The innermost function of the program. */
  readonly frame: StackFrame | undefined;
}

/**
 * - `ended`: the unit is dead, and the thread goes on.
 * - `spared`: another unit or none had the turn, or one that must not be ended there.
 * - `silent`: the thread did not answer. It is inside a native call, or gone.
 */
export type Interruption = "ended" | "spared" | "silent";

export interface TurnInspector {
  /** The unit that has the turn on a thread, and where it is. Undefined: the thread does not answer. */
  readonly lookAtTurn: (threadId: number, timeoutMs: number) => Promise<TurnLook | undefined>;
  /** Ends the unit that has the turn, if `isMeant` returns true for it. */
  readonly interrupt: (threadId: number, isMeant: (turn: TurnView) => boolean) => Promise<Interruption>;
}
