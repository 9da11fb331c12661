/**
 * Ensures that exactly one case of a select happens. Each waiter of a select points to its selection. Before a case is
 * executed, the selection must be won.
 *
 * If all channels are of this thread, the selection is only won on this thread, so a flag is enough. If the select waits on
 * other threads too, a cell in shared memory (claims.ts) decides.
 */

import type { Claim } from "./claims.ts";

export class Selection {
  /** Set when a case has executed, or when none will. */
  over: boolean = false;
  readonly claim: Claim | undefined;

  constructor(claim?: Claim) {
    this.claim = claim;
  }

  /** Wins it, for a partner that is not a select. */
  win(): boolean {
    if (this.over || (this.claim !== undefined && this.claim.take() === "lost")) return false;
    this.over = true;
    return true;
  }
}

/**
 * Wins two selections, or neither: two selects meet, one to send and one to receive. `"first"` and `"second"` say which of the
 * two others had won before.
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
