/**
 * All threads of a runtime except the root, as the root keeps them: their numbers, who is introduced to whom, and who has ended.
 *
 *   admitted ─▶ a member ─▶ left (it has ended) ─▶ forgotten (its last message was received): its row is free
 *
 * Invariants
 * - A member has a link to each other from the beginning. The others are told of it before it is: so whoever hears of it from a third
 *   thread has been told, and finds the news in its link to the root (`Runtime.#linkTo`).
 * - A number is never used again. A row of the board is.
 * - All members are told of an end once, or, of a thread that was given up, perhaps twice. Who knows already does nothing.
 */

import { MessageChannel } from "node:worker_threads";
import type { Transferable } from "node:worker_threads";
import { type HeddleError, toWire } from "../../errors/errors.ts";
import { type Seat, SlotTable } from "../../supervise/slot-table.ts";
import { MAX_THREADS, type ThreadBoard } from "./thread-board.ts";
import type { Control, Introduction, Member } from "./thread-protocol.ts";

export interface RosterContext {
  readonly board: ThreadBoard;
  readonly tell: (thread: number, control: Control, transfer?: readonly Transferable[]) => void;
  readonly ended: (id: number, why: HeddleError, isEmpty: boolean) => void;
}

export interface Admitted {
  readonly member: Member;
  /** The ends of its links to all others, without the root. */
  readonly peers: readonly Introduction[];
}

export class Roster {
  readonly #context: RosterContext;
  /** Those whose rows are in use: a thread that has ended is among them until it is forgotten. */
  readonly #members = new Map<number, Member>();
  /** In turn: other threads may write to the row of one that is gone, until they have heard of it. */
  readonly #rows = new SlotTable({ slots: MAX_THREADS, order: "in turn" });

  constructor(context: RosterContext) {
    this.#context = context;
    // The root's own.
    this.#rows.take();
  }

  get isFull(): boolean {
    return this.#rows.used === this.#rows.size;
  }

  has(id: number): boolean {
    return this.#members.has(id);
  }

  /** Gives a new thread its number, and introduces it to the others. Only if it is not full. */
  admit(role: Member["role"]): Admitted {
    const id = idOf(this.#rows.take()!);
    // Not when the one before was forgotten: others may have written to its row since.
    this.#context.board.clear(id);
    const member: Member = { id, role };
    const peers: Introduction[] = [];
    for (const other of this.#members.values()) {
      const { port1, port2 } = new MessageChannel();
      peers.push({ ...other, port: port1 });
      this.#context.tell(other.id, { type: "added", peer: { ...member, port: port2 } }, [port2]);
    }
    this.#members.set(id, member);
    return { member, peers };
  }

  /** `isEmpty`: no message of it is on its way. */
  left(id: number, why: HeddleError, isEmpty: boolean): void {
    for (const other of this.#members.keys()) {
      if (other !== id) this.#context.tell(other, { type: "gone", id, why: toWire(why), neverBegan: isEmpty });
    }
    this.#context.ended(id, why, isEmpty);
  }

  /** Its row may be used again. */
  forget(id: number): void {
    if (this.#members.delete(id)) this.#rows.free(rowOf(id));
  }
}

/** Unique while the program runs: a row's first thread has its number, and each later one MAX_THREADS more. */
function idOf({ slot, generation }: Seat): number {
  return generation * MAX_THREADS + slot;
}

function rowOf(id: number): Seat {
  return { slot: id % MAX_THREADS, generation: Math.floor(id / MAX_THREADS) };
}
