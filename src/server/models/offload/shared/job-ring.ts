/**
 * The jobs of one link in shared memory: whether each was started, and since when.
 *
 * A job waits in the handler thread's message queue until its turn. The serving thread may want it back, because that
 * thread has a long job and another thread is idle. Exactly one of the two wins the job's cell:
 *
 *   free ──server opens──▶ open ──handler claims──▶ started ──▶ done
 *                            └──server recalls───▶ recalled   (the handler thread skips it)
 *
 * A job needs its cell until it is claimed. So many more jobs may run on a handler thread than the ring has cells: the cell of
 * one that runs for long is used for another. That a job is done is said with its answers (`response-ring.ts`).
 *
 * Memory
 * - A cell is a word, a time, and a flag for jobs sent ahead. The word holds the lower 29 bits of the job's number, and its
 *   state. The serving thread writes the flag, then opens the cell. After that both sides change the word by
 *   compare-and-exchange, each only along its own arrows. Only the handler thread writes the time, before the word says
 *   "started".
 * - Numbers wrap at 2^32 (`wrapping.ts`). A cell compares 29 bits of them. To match the wrong job, a message would have to be
 *   read 2^29 jobs late, but a link has at most as many jobs that were not claimed as cells.
 * - An open cell is not used for another job. The serving thread notes the start of a job before it uses its cell again. Every
 *   transition is asserted: an impossible state throws.
 * - READ is the number of `jobs` messages that the handler thread has received, written by it alone. It wraps at 2^32.
 * - THREAD is the job of this link that has the handler thread, written by that alone, before it claims the job; 0 if none. The job's
 *   cell can't tell: it may be another job's before a long one is done. Jobs that run beside others are never there.
 * - If the handler thread dies, its started jobs stay "started", and its open ones stay "open". The serving thread hears of it,
 *   takes back the open ones and fails the started ones (`handler-link.ts`). The ring is not used again.
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

/** More than a link ever has jobs that were not begun (`assignment.ts`). */
const CELLS = 64;
/** The same under `tasks`. */
export const TASK_CELLS = 1024;
/** FNV's. */
const HASH_PRIME = 0x01000193;
const CELL_BYTES = 8 + 4 + 1;
const READ = 0;
const THREAD = 1;
/** Words of the handler thread. */
const OWN_BYTES = 8;

export class Ring {
  /** A power of two. */
  readonly cells: number;
  readonly #mask: number;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #startedMs: Float64Array<SharedArrayBuffer>;
  readonly #own: Int32Array<SharedArrayBuffer>;
  readonly #ahead: Uint8Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer) {
    const cells = (buffer.byteLength - OWN_BYTES) / CELL_BYTES;
    this.cells = cells;
    this.#mask = cells - 1;
    this.#startedMs = new Float64Array(buffer, 0, cells);
    this.#words = new Int32Array(buffer, cells * 8, cells);
    this.#own = new Int32Array(buffer, cells * 12, OWN_BYTES / 4);
    this.#ahead = new Uint8Array(buffer, cells * 12 + OWN_BYTES, cells);
  }

  static create(cells: number = CELLS): SharedArrayBuffer {
    return new SharedArrayBuffer(cells * CELL_BYTES + OWN_BYTES);
  }

  /** Server: before the job is sent. `ahead`: it counts as waiting until it begins. */
  open(seq: number, ahead: boolean = false): void {
    this.#ahead[seq & this.#mask] = ahead ? 1 : 0;
    // An exchange costs the same as a store, and returns the earlier word.
    const before = Atomics.exchange(this.#words, seq & this.#mask, word(seq, OPEN));
    if (stateOf(before) === OPEN) throw broken(seq, "was opened", before);
  }

  /** Server: whether the cell of this job's number belongs to another one that was not claimed. */
  isTaken(seq: number): boolean {
    return stateOf(Atomics.load(this.#words, seq & this.#mask)) === OPEN;
  }

  /** Handler: a `jobs` message was received. */
  noteRead(): void {
    Atomics.add(this.#own, READ, 1);
  }

  /** Server: how many `jobs` messages were received, modulo 2^32. */
  get read(): number {
    return Atomics.load(this.#own, READ) >>> 0;
  }

  /** Handler: "recalled" if the server has taken it back. `nowMs`: monotonicMs(). `isBeside`: others may run beside it. */
  claim(seq: number, nowMs: number, isBeside: boolean = false): "claimed" | "recalled" {
    if (!isBeside) this.giveThread(seq);
    const claimed = this.#claim(seq, nowMs);
    if (!isBeside && claimed === "recalled") this.takeThread();
    return claimed;
  }

  #claim(seq: number, nowMs: number): "claimed" | "recalled" {
    const cell = seq & this.#mask;
    const seen = Atomics.load(this.#words, cell);
    if (seen !== word(seq, OPEN)) return this.#recalled(seq, seen);
    // Before the state changes: whoever sees a started job sees its time.
    this.#startedMs[cell] = nowMs;
    const before = this.#move(seq, OPEN, STARTED);
    return before === word(seq, OPEN) ? "claimed" : this.#recalled(seq, before);
  }

  /** Handler: the job is over. Its cell may belong to another job by now. */
  finish(seq: number): void {
    if (this.hasThread(seq)) this.takeThread();
    const before = this.#move(seq, STARTED, DONE);
    const isReused = stateOf(before) !== FREE && !isOf(seq, before);
    if (before !== word(seq, STARTED) && !isReused) throw broken(seq, "was finished", before);
  }

  /** Handler: this job has the thread from now on. */
  giveThread(seq: number): void {
    Atomics.store(this.#own, THREAD, word(seq, STARTED));
  }

  /** Handler: no job of this link has the thread any more. */
  takeThread(): void {
    Atomics.store(this.#own, THREAD, 0);
  }

  /** Whether it runs, and nothing may run beside it. */
  hasThread(seq: number): boolean {
    return Atomics.load(this.#own, THREAD) === word(seq, STARTED);
  }

  /** Server: "begun" if the handler has started it. It may also be done. */
  recall(seq: number): "recalled" | "begun" {
    const before = this.#move(seq, OPEN, RECALLED);
    if (before === word(seq, OPEN)) return "recalled";
    const state = stateOf(before);
    if (state === FREE || (isOf(seq, before) && state !== STARTED && state !== DONE))
      throw broken(seq, "was recalled", before);
    return "begun";
  }

  /** Acceptor: the serving thread is dead. Recalls and counts all open jobs. `running`: the job that has the thread. */
  recallAll(): { recalled: number; recalledAhead: number; running: number | undefined } {
    const found = { recalled: 0, recalledAhead: 0, running: undefined as number | undefined };
    for (let cell = 0; cell < this.cells; cell++) {
      const seen = Atomics.load(this.#words, cell);
      if (stateOf(seen) === OPEN) {
        const before = Atomics.compareExchange(this.#words, cell, seen, seen - OPEN + RECALLED);
        if (before === seen) found[this.#ahead[cell] === 1 ? "recalledAhead" : "recalled"]++;
      }
    }
    // After that: whoever has claimed one of them has said so before. The lower 29 bits of its number: `hasThread` compares no more.
    const running = Atomics.load(this.#own, THREAD);
    if (running !== 0) found.running = running >>> STATE_BITS;
    return found;
  }

  /** Undefined while a job is open or has the thread. Otherwise a hash that changes with each job. */
  get restMark(): number | undefined {
    if (Atomics.load(this.#own, THREAD) !== 0) return undefined;
    let mark = 0;
    for (let cell = 0; cell < this.cells; cell++) {
      const seen = Atomics.load(this.#words, cell);
      if (stateOf(seen) === OPEN) return undefined;
      mark = Math.imul(mark ^ seen, HASH_PRIME);
    }
    return mark;
  }

  /** Neither started nor recalled. */
  isOpen(seq: number): boolean {
    return Atomics.load(this.#words, seq & this.#mask) === word(seq, OPEN);
  }

  /** Started and not done; false if its cell belongs to another job by now. */
  isRunning(seq: number): boolean {
    return Atomics.load(this.#words, seq & this.#mask) === word(seq, STARTED);
  }

  /** Done; false if its cell belongs to another job by now. */
  isDone(seq: number): boolean {
    return Atomics.load(this.#words, seq & this.#mask) === word(seq, DONE);
  }

  /** monotonicMs() of its start; undefined if it has not started, or if its cell belongs to another job by now. */
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
    if (stateOf(seen) === FREE || (isOf(seq, seen) && stateOf(seen) !== RECALLED))
      throw broken(seq, "was claimed", seen);
    return "recalled";
  }
}

function word(seq: number, state: number): number {
  return (seq << STATE_BITS) | state;
}

function isOf(seq: number, seen: number): boolean {
  return seen >> STATE_BITS === word(seq, FREE) >> STATE_BITS;
}

function stateOf(word: number): number {
  return word & ((1 << STATE_BITS) - 1);
}

function broken(seq: number, what: string, seen: number): Error {
  const state = STATES[stateOf(seen)] ?? "in no state";
  return brokenMemory(`job ${seq} ${what}, and its cell is ${state} for job ${seen >>> STATE_BITS} (mod 2^29)`);
}
