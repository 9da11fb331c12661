/** This thread's cells, for its selects and its jobs, with the threads that know them; and the cells received from others. */

import { perThread } from "../../kit/per-thread.ts";
import { Claim, type ClaimAddress, ClaimTable } from "./claims.ts";
import { Meetings } from "./meetings.ts";
import { connected, onThreadGone, OP, tell } from "../task-service.ts";

interface Shared {
  readonly meetings: Meetings;
  readonly table: ClaimTable;
  /** Threads that got the cells. */
  readonly threads: Set<number>;
  /** By their owner. */
  readonly foreign: Map<number, Int32Array<SharedArrayBuffer>>;
}

const made: { shared?: Shared } = perThread("claim-cells", () => ({}));

function shared(): Shared {
  if (made.shared === undefined) {
    const { board, self } = connected();
    const meetings = new Meetings({ ...board.meetings, self });
    const [threads, foreign] = [new Set<number>(), new Map<number, Int32Array<SharedArrayBuffer>>()];
    made.shared = { meetings, table: new ClaimTable({ meetings }), threads, foreign };
    onThreadGone((thread) => threads.delete(thread));
  }
  return made.shared;
}

/** Undefined: too many claims are open. */
export function openClaim(): Claim | undefined {
  return shared().table.open();
}

/** The claim is decided, and all threads concerned know it. */
export function closeClaim(claim: Claim): void {
  shared().table.close(claim);
}

/** Call it before the first claim is sent to a thread: it needs the cells to win one. */
export function introduceClaims(thread: number): void {
  const { table, threads } = shared();
  if (threads.has(thread)) return;
  threads.add(thread);
  tell(thread, [OP.claims, table.buffer]);
}

export function learnClaims(owner: number, buffer: SharedArrayBuffer): void {
  shared().foreign.set(owner, new Int32Array(buffer));
}

export function forgetClaims(owner: number): void {
  made.shared?.foreign.delete(owner);
}

/** Another thread's claim. */
export function claimAt(address: ClaimAddress): Claim {
  const { foreign, meetings } = shared();
  const words = foreign.get(address[0]);
  if (words === undefined) throw new Error(`the claims of thread ${address[0]} are not known here`);
  return new Claim(words, address, meetings);
}
