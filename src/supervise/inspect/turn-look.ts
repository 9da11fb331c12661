/** Who has the turn on a thread, as another thread sees it, and what that one can do about it. */

import type { StackFrame } from "./thread-stack.ts";

/** What may be said of who has the turn, to somebody on another thread. */
export interface TurnView {
  readonly what: "task" | "actor";
  readonly id: number;
  readonly name: string | undefined;
  /** Which turn of its own this is: the same unit may have got it again. */
  readonly stretch: number;
}

export interface TurnLook {
  readonly turn: TurnView | undefined;
  /** The innermost function that is the program's. */
  readonly frame: StackFrame | undefined;
}

/**
 * - `ended`: it is dead, and the thread goes on.
 * - `spared`: somebody else had the turn, or nobody, or one that must not be ended there.
 * - `silent`: the thread did not answer; it is inside a native call, or gone.
 */
export type Interruption = "ended" | "spared" | "silent";

export interface TurnInspector {
  /** Who has the turn on a thread, and where. Undefined: it does not answer. */
  readonly lookAtTurn: (threadId: number, timeoutMs: number) => Promise<TurnLook | undefined>;
  /** Ends who has the turn, if `isMeant` says so. */
  readonly interrupt: (threadId: number, isMeant: (turn: TurnView) => boolean) => Promise<Interruption>;
}
