/** This thread's cells, for its selects and its jobs, and which threads know them. */

import { perThread } from "../../kit/per-thread.ts";
import { type Claim, ClaimTable } from "./claims.ts";
import { connected, onThreadGone, OP, tell } from "../task-service.ts";

interface Shared {
  readonly table: ClaimTable;
  /** Threads that have been sent the cells. */
  readonly threads: Set<number>;
}

const made: { shared?: Shared } = perThread("claim-table", () => ({}));

function shared(): Shared {
  if (made.shared === undefined) {
    const threads = new Set<number>();
    made.shared = { table: new ClaimTable(connected().self), threads };
    onThreadGone((thread) => threads.delete(thread));
  }
  return made.shared;
}

/** Undefined: there are too many already. */
export function openClaim(): Claim | undefined {
  return shared().table.open();
}

/** It is decided, and whoever had to know does. */
export function closeClaim(claim: Claim): void {
  shared().table.close(claim);
}

/** Before the first claim is sent to a thread: it needs the cells to win one. */
export function introduceClaims(thread: number): void {
  const { table, threads } = shared();
  if (threads.has(thread)) return;
  threads.add(thread);
  tell(thread, [OP.claims, table.buffer]);
}
