/** Select across threads: exactly one case executes, although its channels belong to several threads that do not wait for each
 * other. Each select has a cell in shared memory. A thread must take the cell before it executes a case:
 *
 *   open ──▶ taken            one atomic step: a partner that is not a select, a timeout, `otherwise`
 *   open ──▶ held ──▶ taken   two selects meet: both cells, or neither
 *              └────▶ open
 * Two cells can't be changed in one step, so one word decides a meeting: the word of the thread that holds it (`meetings.ts`).
 * The thread holds the lower cell, then the higher one, then changes its word from undecided to won. From then on both cells
 * are taken, whichever thread writes this into them. If another thread has taken a cell, the meeting is lost, and a held cell
 * is opened again.
 *
 * A thread that finds a cell held spins: a cell is held for a few instructions. If the holder is paused, the waiting thread
 * changes the holder's word from undecided to lost after a few milliseconds, and opens the cell. The holder sees this when it
 * continues, and starts again. If the holder was faster, the word is "won", and the cell is taken. So no thread waits for long,
 * and no cell has two winners.
 *
 * Invariants
 * - A cell is taken at most once, and "taken" is final. The thread that takes it executes the case and informs the select; no
 *   other thread touches the value.
 * - No thread holds a higher cell while it waits for a lower one, so there is no deadlock.
 *
 * Memory: [state] [generation] [taker] for each cell
 * - state: 28 bits of generation and "open" or "taken"; or "held" with the thread and the number of its meeting. The table's
 *   owner opens a cell. Any thread takes or holds it by compare-and-exchange, and asserts the earlier state.
 * - generation: written by the owner before it opens the cell, and fixed until the cell is taken. It counts the selects of the
 *   cell, so that a waiter left behind in some queue can't take it. It wraps at 2^28 on purpose: such a waiter would have to
 *   miss 2^28 selects of one cell.
 * - taker: the thread that took it, written by that thread right after. The owner reads it when it hears from that thread, or
 *   of its end, so after it was written.
 * - If the holder dies (it must be terminated between two instructions), a thread that needs the cell opens it, as after a
 *   pause. The holder had not informed any select.
 * - If the taker dies before it has told the select, the select's thread finds its name in the cell (`select-across.ts`).
 *
 * Rejected: asking the select's thread who wins (two messages for each value, and two facing selects would each wait for the
 * other's answer); a coordinator thread (twice the distance); opening a cell that is held for long without asking its holder's
 * word (a holder that was only paused goes on, and the select has two winners).
 */

import { brokenMemory } from "../../kit/broken-memory.ts";
import type { Meetings } from "./meetings.ts";

const OPEN = 0;
const HELD = 1;
const TAKEN = 2;
const STATE_BITS = 2;
const STATES = (1 << STATE_BITS) - 1;

/** Words of a cell. */
const STATE = 0;
const GENERATION = 1;
const TAKER = 2;
const CELL_WORDS = 3;
const NOBODY = -1;

/** Selects across threads that one thread may have waiting at once, before the table grows. */
const CELLS = 1024;
/** The limit: a million selects that wait across threads. */
const MAX_CELLS = 1 << 20;
const GENERATIONS = 0x0fffffff;

/** The address of a claim, for other threads. Its buffer is sent once, before the first of them. */
export type ClaimAddress = readonly [owner: number, index: number, generation: number];

export class Claim {
  readonly address: ClaimAddress;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #cell: number;
  readonly #meetings: Meetings;

  /** `meetings`: those of the thread that uses the claim. */
  constructor(words: Int32Array<SharedArrayBuffer>, address: ClaimAddress, meetings: Meetings) {
    this.#words = words;
    this.address = address;
    this.#cell = address[1] * CELL_WORDS;
    this.#meetings = meetings;
  }

  /** Wins it. "lost": another thread has. */
  take(): "taken" | "lost" {
    if (this.#move(this.#word(TAKEN)) === "lost") return "lost";
    this.#words[this.#cell + TAKER] = this.#meetings.self;
    return "taken";
  }

  /** Wins both, or neither: then it returns which of the two others had won. */
  takeWith(other: Claim): "won" | "first" | "second" {
    const isLower = compare(this.address, other.address) < 0;
    const [lower, higher] = isLower ? [this, other] : [other, this];
    const meetings = this.#meetings;
    for (;;) {
      const meeting = meetings.begin();
      const held = (meeting << STATE_BITS) | HELD;
      if (lower.#move(held) === "lost") return isLower ? "first" : "second";
      const isHigherLost = higher.#move(held) === "lost";
      if (isHigherLost) {
        lower.#settle(held, meetings.lose(meeting));
        return isLower ? "second" : "first";
      }
      const outcome = meetings.win(meeting);
      for (const each of [lower, higher]) each.#settle(held, outcome);
      if (outcome === "lost") continue;
      for (const each of [lower, higher]) each.#sign();
      return "won";
    }
  }

  /** The thread that has taken it, if that is written yet. */
  get taker(): number | undefined {
    const taker = this.#words[this.#cell + TAKER]!;
    return taker === NOBODY ? undefined : taker;
  }

  /** Changes the state from open. "lost": it is taken, or another select has the cell by now. */
  #move(to: number): "moved" | "lost" {
    const open = this.#word(OPEN);
    let sinceMs: number | undefined;
    for (;;) {
      const seen = Atomics.compareExchange(this.#words, this.#cell + STATE, open, to);
      if (seen === open) return "moved";
      if (!this.#isHeld(seen)) return "lost";
      sinceMs ??= performance.now();
      if (performance.now() - sinceMs < this.#meetings.patienceMs) continue;
      this.#settle(seen, this.#meetings.breakUp(seen >>> STATE_BITS));
      sinceMs = undefined;
    }
  }

  /** Whether a meeting of this select holds it, not of a later one in the cell. The generation is fixed while it is held. */
  #isHeld(seen: number): boolean {
    return (seen & STATES) === HELD && Atomics.load(this.#words, this.#cell + GENERATION) === this.address[2];
  }

  /** The meeting that held the cell is decided. Its holder or a waiting thread writes this, whichever is first. */
  #settle(held: number, outcome: "won" | "lost"): void {
    const after = this.#word(outcome === "won" ? TAKEN : OPEN);
    Atomics.compareExchange(this.#words, this.#cell + STATE, held, after);
  }

  /** It has won. Whatever others write, the cell stays taken until its select was told. */
  #sign(): void {
    const seen = Atomics.load(this.#words, this.#cell + STATE);
    if (seen !== this.#word(TAKEN)) throw broken(this.address, "was won", seen);
    this.#words[this.#cell + TAKER] = this.#meetings.self;
  }

  #word(state: number): number {
    return (this.address[2] << STATE_BITS) | state;
  }
}

function compare(a: ClaimAddress, b: ClaimAddress): number {
  return a[0] - b[0] || a[1] - b[1];
}

function broken([owner, index, generation]: ClaimAddress, what: string, seen: number): Error {
  return brokenMemory(
    `claim ${index} of thread ${owner}, generation ${generation}, ${what}; its word is ${seen >>> 0}`,
  );
}

export interface ClaimTableOptions {
  /** The meetings of the thread whose selects these are. */
  readonly meetings: Meetings;
  readonly cells?: number;
  /** The generation of a cell's first select. */
  readonly firstGeneration?: number;
}

/** The cells of this thread's selects. */
export class ClaimTable {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #free: number[];
  readonly #meetings: Meetings;
  readonly #firstGeneration: number;

  constructor({ meetings, cells = CELLS, firstGeneration = 0 }: ClaimTableOptions) {
    this.#meetings = meetings;
    const bytes = CELL_WORDS * 4;
    // Reserved, not used: the system allocates memory as it is touched.
    this.#words = new Int32Array(new SharedArrayBuffer(cells * bytes, { maxByteLength: MAX_CELLS * bytes }));
    this.#free = Array.from({ length: cells }, (_, index) => cells - 1 - index);
    this.#firstGeneration = firstGeneration;
  }

  get buffer(): SharedArrayBuffer {
    return this.#words.buffer;
  }

  /** Opens a claim. Undefined: too many are open. */
  open(): Claim | undefined {
    if (this.#free.length === 0 && !this.#grow()) return undefined;
    const index = this.#free.pop()!;
    const cell = index * CELL_WORDS;
    const before = Atomics.load(this.#words, cell + STATE);
    // A cell that was never used counts as taken by the generation before the first.
    const last = before === 0 ? this.#firstGeneration - 1 : this.#words[cell + GENERATION]!;
    const generation = (last + 1) & GENERATIONS;
    this.#words[cell + GENERATION] = generation;
    this.#words[cell + TAKER] = NOBODY;
    Atomics.store(this.#words, cell + STATE, (generation << STATE_BITS) | OPEN);
    return new Claim(this.#words, [this.#meetings.self, index, generation], this.#meetings);
  }

  /** The select is over: its claim was taken, and no thread will touch it any more. */
  close(claim: Claim): void {
    const [, index, generation] = claim.address;
    const seen = Atomics.load(this.#words, index * CELL_WORDS + STATE);
    if (seen !== ((generation << STATE_BITS) | TAKEN)) throw broken(claim.address, "is over and not taken", seen);
    this.#free.push(index);
  }

  #grow(): boolean {
    const before = this.#words.length / CELL_WORDS;
    if (before >= MAX_CELLS) return false;
    const after = Math.min(before * 2, MAX_CELLS);
    this.#words.buffer.grow(after * CELL_WORDS * 4);
    for (let index = before; index < after; index++) this.#free.push(index);
    return true;
  }
}
