/**
 * What to do about a scheduler thread whose loop does not turn: the decisions of runaway-threads.ts. Pure.
 *
 * An actor that is told to exit with `kill` does so at once if its thread turns. If it does not, the actor that has the turn may be
 * ended in its place, if it is the one. Some cannot be ended: code that is in a native call, and code of which nobody
 * knows whose it is, for instance because a promise of another actor has resumed it. `kill` would have no bound then, and
 * who waits for the exit, such as a supervisor, would stand still with that thread. So the thread is given up: `quarantine`.
 */

/** Beats are a tenth of a second apart. */
export const SUSPECT_MS = 200;

/** Between two looks into a thread. */
const LOOK_MS = 250;

/** Longer than anything that means to share its thread computes at a stretch. */
export const BLOCKED_MS = 1000;

/** Several times what it takes to end an actor that can be ended, on a busy machine. */
const KILL_PATIENCE_MS = 3000;

/**
 * As above, while another actor or a task is known to compute: it is not at fault for the one that was told to exit, which will do
 * so as soon as this one awaits.
 */
const KILL_PATIENCE_WITH_OTHERS_MS = 5000;

export interface Findings {
  readonly silentMs: number;
  readonly reported: boolean;
  /** How long ago somebody looked; `Infinity`: never. */
  readonly lookedAgoMs: number;
  /** Who had the turn at the last look: nobody that is known; a task; or an actor. */
  readonly turn: "unknown" | "task" | FoundActor;
  /**
   * Whether the last look that was answered has found a task, or an actor that was not told to exit. True until there was a look:
   * that one fails, on a busy machine or for lack of descriptors, is no reason to give up a thread sooner.
   */
  readonly isOther: boolean;
  /** For how long an actor of the thread has been told to exit, and has not. undefined: none was told. */
  readonly orderedForMs: number | undefined;
  readonly budgetMs: number;
  /** When it is reported. */
  readonly warnMs: number;
}

export interface FoundActor {
  /** For how long its stretch is known. */
  readonly seenForMs: number;
  /** It was told to exit. */
  readonly isOrdered: boolean;
}

export type Judgement = "wait" | "look" | "report" | "end" | "quarantine";

export function runawayVerdict(findings: Findings): Judgement {
  const { silentMs, reported, lookedAgoMs, turn, orderedForMs, budgetMs, warnMs } = findings;
  if (silentMs < SUSPECT_MS) return "wait";
  if (isBeyondPatience(findings)) return "quarantine";
  if (typeof turn === "object" && (turn.isOrdered || turn.seenForMs >= budgetMs)) return "end";
  if (silentMs >= warnMs && !reported) return "report";
  return (orderedForMs !== undefined || budgetMs !== Infinity) && lookedAgoMs >= LOOK_MS ? "look" : "wait";
}

function isBeyondPatience({ silentMs, isOther, orderedForMs }: Findings): boolean {
  if (orderedForMs === undefined) return false;
  return Math.min(silentMs, orderedForMs) >= (isOther ? KILL_PATIENCE_WITH_OTHERS_MS : KILL_PATIENCE_MS);
}
