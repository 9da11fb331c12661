/**
 * A word of shared memory for each thread. It decides whether a meeting of two selects takes place (`claims.ts`). A thread has
 * one meeting at a time, because it waits for nothing in between.
 *
 *   undecided ──the thread itself──▶ won | lost
 *       └───any thread that waits──▶ lost
 *
 * A meeting's name is the thread's row on the board and the number of the meeting. A held cell contains it.
 *
 * Memory
 * - The word holds the number of the thread's last meeting, and its state. Only the thread begins one, when the last is decided
 *   and both cells are settled. All other transitions are compare-and-exchange from "undecided", so one of them wins.
 * - Numbers have 20 bits and wrap on purpose. A later thread in the row continues them. To confuse two meetings, a thread that
 *   read a held cell would have to pause for 2^20 meetings of the holder, and find the same cell held under the same number.
 * - If the thread dies in a meeting, the word stays, undecided or decided, and still answers. When another thread has begun a
 *   meeting in the same row, the answer is gone. Then the meeting counts as lost, because its thread has told nobody.
 */

import { brokenMemory } from "../../kit/broken-memory.ts";
import { MAX_THREADS } from "../../runtime/threads/thread-board.ts";

const UNDECIDED = 1;
const WON = 2;
const LOST = 3;
const STATE_BITS = 2;

const ROWS = MAX_THREADS;
const ROW_BITS = Math.log2(ROWS);
/** A name has 30 bits. */
const NUMBERS = 2 ** (30 - ROW_BITS) - 1;

/** A running thread is in a meeting for less than a thousandth of this. */
const PATIENCE_MS = 10;

export type Outcome = "won" | "lost";

export interface MeetingsOptions {
  readonly words: Int32Array<SharedArrayBuffer>;
  /** The index of a row's word. */
  readonly at: (row: number) => number;
  /** This thread. */
  readonly self: number;
  /** How long to wait for other threads' meetings. */
  readonly patienceMs?: number;
}

export class Meetings {
  readonly self: number;
  readonly patienceMs: number;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #at: MeetingsOptions["at"];
  readonly #row: number;

  constructor({ words, at, self, patienceMs = PATIENCE_MS }: MeetingsOptions) {
    this.self = self;
    this.patienceMs = patienceMs;
    this.#words = words;
    this.#at = at;
    this.#row = self % ROWS;
  }

  /** Begins this thread's next meeting. Returns its name, of 30 bits. */
  begin(): number {
    const index = this.#at(this.#row);
    const before = Atomics.load(this.#words, index);
    const number = ((before >>> STATE_BITS) + 1) & NUMBERS;
    Atomics.store(this.#words, index, (number << STATE_BITS) | UNDECIDED);
    return (number << ROW_BITS) | this.#row;
  }

  /** This thread holds both cells: decides that the meeting takes place. "lost": another thread has waited for too long. */
  win(name: number): Outcome {
    const seen = this.#decide(name, WON);
    if (seen === word(name, UNDECIDED)) return "won";
    if (seen !== word(name, LOST)) throw broken(name, "was to be won", seen);
    return "lost";
  }

  /** This thread can't have the second cell. */
  lose(name: number): Outcome {
    const seen = this.#decide(name, LOST);
    if (seen !== word(name, UNDECIDED) && seen !== word(name, LOST)) throw broken(name, "was to be lost", seen);
    return "lost";
  }

  /** Called after waiting too long for another thread's meeting: it is lost, unless it was won before. */
  breakUp(name: number): Outcome {
    return this.#decide(name, LOST) === word(name, WON) ? "won" : "lost";
  }

  #decide(name: number, state: number): number {
    const index = this.#at(name % ROWS);
    return Atomics.compareExchange(this.#words, index, word(name, UNDECIDED), word(name, state));
  }
}

function word(name: number, state: number): number {
  return (((name >>> ROW_BITS) & NUMBERS) << STATE_BITS) | state;
}

function broken(name: number, what: string, seen: number): Error {
  const [row, number] = [name % ROWS, name >>> ROW_BITS];
  return brokenMemory(`meeting ${number} in row ${row} ${what}; its word is ${seen}`);
}
