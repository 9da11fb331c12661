/**
 * What makes exactly one case of a select happen. Each waiter of a select points to its selection; whoever wants to let
 * one of the cases happen must win the selection first.
 *
 * A selection whose channels are all of this thread is only ever won on this thread, so a flag is enough. One that waits
 * on other threads as well has a cell in shared memory (claims.ts), which is the truth then.
 */

import type { Claim } from "./claims.ts";

export class Selection {
  /** Set when a case has executed, or when none will. */
  over: boolean = false;
  readonly claim: Claim | undefined;

  constructor(claim?: Claim) {
    this.claim = claim;
  }

  /** Wins it, for a partner that is no select. */
  win(): boolean {
    if (this.over || (this.claim !== undefined && this.claim.take() === "lost")) return false;
    this.over = true;
    return true;
  }
}

/**
 * Wins two selections, or neither: two selects meet, one to send and one to receive. `"first"` and `"second"` tell which of the
 * two was won by others before.
 */
export function winBoth(first: Selection | undefined, second: Selection | undefined): "won" | "first" | "second" {
  if (first?.over === true) return "first";
  if (second?.over === true) return "second";
  const [one, other] = [first?.claim, second?.claim];
  if (one !== undefined && other !== undefined) {
    const outcome = one.takeWith(other);
    if (outcome !== "won") return outcome;
  } else if (one?.take() === "lost") {
    return "first";
  } else if (other?.take() === "lost") {
    return "second";
  }
  if (first !== undefined) first.over = true;
  if (second !== undefined) second.over = true;
  return "won";
}
