/**
 * The jobs of one link in shared memory: whether each was started, since when, and whether it is done.
 *
 * A job waits in the handler thread's message queue until its turn. The serving thread may want it back, because that
 * thread has a long job and another thread is idle. Exactly one of the two wins the job's cell:
 *
 *   free ──server opens──▶ open ──handler claims──▶ started ──▶ done
 *                            └──server recalls───▶ recalled   (the handler thread skips it)
 *
 * Memory
 * - A cell is a word, two times, and a flag for jobs sent ahead. The word holds the lower 29 bits of the job's number, and its
 *   state. The serving thread writes the flag, then opens the cell. After that both sides change the word by
 *   compare-and-exchange, each only along its own arrows. Only the handler thread writes the times: the start before the word
 *   says "started", the run time before it says "done".
 * - Numbers wrap at 2^32 (`wrapping.ts`). A cell compares 29 bits of them. To match the wrong job, a message would have to be
 *   read 2^29 jobs late, but a link has at most as many jobs as cells.
 * - A cell is used again only after its job was done or recalled. Every transition is asserted: an impossible state throws.
 * - If the handler thread dies, its started job stays "started", and its open ones stay "open". The serving thread hears of it,
 *   takes back the open ones and fails the started one (`handler-link.ts`). The ring is not used again.
 * - If the serving thread dies, the acceptor recalls the open jobs in its place (`server/worker/handlers/pool-links.ts`).
 */

import { brokenMemory } from "../../../../kit/broken-memory.ts";

const FREE = 0;
const OPEN = 1;
const STARTED = 2;
const RECALLED = 3;
const DONE = 4;
const STATE_BITS = 3;
const STATES: readonly string[] = ["free", "open", "started", "recalled", "done"];

/** Far more than a link ever has in flight (`assignment.ts`), so two jobs never use a cell at once. */
export const CELLS = 64;
/** FNV's. */
const HASH_PRIME = 0x01000193;
const CELL_BYTES = 8 + 8 + 4 + 1;

export class Ring {
  /** A power of two. */
  readonly cells: number;
  readonly #mask: number;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #startedMs: Float64Array<SharedArrayBuffer>;
  readonly #ranMs: Float64Array<SharedArrayBuffer>;
  readonly #ahead: Uint8Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer) {
    const cells = buffer.byteLength / CELL_BYTES;
    this.cells = cells;
    this.#mask = cells - 1;
    this.#startedMs = new Float64Array(buffer, 0, cells);
    this.#ranMs = new Float64Array(buffer, cells * 8, cells);
    this.#words = new Int32Array(buffer, cells * 16, cells);
    this.#ahead = new Uint8Array(buffer, cells * 20, cells);
  }

  static create(cells: number = CELLS): SharedArrayBuffer {
    return new SharedArrayBuffer(cells * CELL_BYTES);
  }

  /** Server: before the job is sent. `ahead`: it counts as waiting until it begins. */
  open(seq: number, ahead: boolean = false): void {
    this.#ahead[seq & this.#mask] = ahead ? 1 : 0;
    // An exchange costs the same as a store, and returns the earlier word.
    const before = Atomics.exchange(this.#words, seq & this.#mask, word(seq, OPEN));
    const state = stateOf(before);
    if (state === OPEN || state === STARTED) throw broken(seq, "was opened", before);
  }

  /** Handler: "recalled" if the server has taken it back. `nowMs`: monotonicMs(). */
  claim(seq: number, nowMs: number): "claimed" | "recalled" {
    const cell = seq & this.#mask;
    const seen = Atomics.load(this.#words, cell);
    if (seen !== word(seq, OPEN)) return this.#recalled(seq, seen);
    // Before the state changes: whoever sees a started job sees its time.
    this.#startedMs[cell] = nowMs;
    const before = this.#move(seq, OPEN, STARTED);
    return before === word(seq, OPEN) ? "claimed" : this.#recalled(seq, before);
  }

  /** Handler: the job is over, and the next may be claimed. */
  finish(seq: number, nowMs: number): void {
    const cell = seq & this.#mask;
    this.#ranMs[cell] = nowMs - this.#startedMs[cell]!;
    const before = this.#move(seq, STARTED, DONE);
    if (before !== word(seq, STARTED)) throw broken(seq, "was finished", before);
  }

  /** Server: "begun" if the handler has started it. It may also be done. */
  recall(seq: number): "recalled" | "begun" {
    const before = this.#move(seq, OPEN, RECALLED);
    if (before === word(seq, OPEN)) return "recalled";
    if (before !== word(seq, STARTED) && before !== word(seq, DONE)) throw broken(seq, "was recalled", before);
    return "begun";
  }

  /** Acceptor: the serving thread is dead. Recalls and counts all open jobs. `running`: the job that runs. */
  recallAll(): { recalled: number; recalledAhead: number; running: number | undefined } {
    const found = { recalled: 0, recalledAhead: 0, running: undefined as number | undefined };
    for (let cell = 0; cell < this.cells; cell++) {
      let seen = Atomics.load(this.#words, cell);
      if (stateOf(seen) === OPEN) {
        const before = Atomics.compareExchange(this.#words, cell, seen, seen - OPEN + RECALLED);
        if (before === seen) found[this.#ahead[cell] === 1 ? "recalledAhead" : "recalled"]++;
        seen = before;
      }
      // The lower 29 bits of its number: `isRunning` compares no more.
      if (stateOf(seen) === STARTED) found.running = seen >>> STATE_BITS;
    }
    return found;
  }

  /** Undefined while a job is open or runs. Otherwise a hash that changes with each job. */
  get restMark(): number | undefined {
    let mark = 0;
    for (let cell = 0; cell < this.cells; cell++) {
      const seen = Atomics.load(this.#words, cell);
      if (stateOf(seen) === OPEN || stateOf(seen) === STARTED) return undefined;
      mark = Math.imul(mark ^ seen, HASH_PRIME);
    }
    return mark;
  }

  /** Neither started nor recalled. */
  isOpen(seq: number): boolean {
    return Atomics.load(this.#words, seq & this.#mask) === word(seq, OPEN);
  }

  /** Started and not done. */
  isRunning(seq: number): boolean {
    return Atomics.load(this.#words, seq & this.#mask) === word(seq, STARTED);
  }

  /** How long it ran; undefined: it is not done. */
  ranMs(seq: number): number | undefined {
    const cell = seq & this.#mask;
    return Atomics.load(this.#words, cell) === word(seq, DONE) ? this.#ranMs[cell]! : undefined;
  }

  /** monotonicMs() of its start; undefined if it has not started. */
  startedMs(seq: number): number | undefined {
    const cell = seq & this.#mask;
    const seen = Atomics.load(this.#words, cell);
    return seen === word(seq, STARTED) || seen === word(seq, DONE) ? this.#startedMs[cell]! : undefined;
  }

  /** Returns the earlier word. */
  #move(seq: number, from: number, to: number): number {
    return Atomics.compareExchange(this.#words, seq & this.#mask, word(seq, from), word(seq, to));
  }

  /** The cell is not open for this job: the job was recalled, and the cell may have a newer one. */
  #recalled(seq: number, seen: number): "recalled" {
    const isOwn = seen >> STATE_BITS === word(seq, FREE) >> STATE_BITS;
    if (stateOf(seen) === FREE || (isOwn && stateOf(seen) !== RECALLED)) throw broken(seq, "was claimed", seen);
    return "recalled";
  }
}

function word(seq: number, state: number): number {
  return (seq << STATE_BITS) | state;
}

function stateOf(word: number): number {
  return word & ((1 << STATE_BITS) - 1);
}

function broken(seq: number, what: string, seen: number): Error {
  const state = STATES[stateOf(seen)] ?? "in no state";
  return brokenMemory(`job ${seq} ${what}, and its cell is ${state} for job ${seen >>> STATE_BITS} (mod 2^29)`);
}
