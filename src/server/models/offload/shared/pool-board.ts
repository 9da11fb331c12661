/**
 * The pool's board in shared memory: how many jobs each handler thread has, how many requests wait for one, and a word for
 * each handler thread that wakes it when it blocks. All serving threads of the worker dispatch to the same handler
 * threads by it, without asking anybody.
 *
 *   [WAITING WAKE] [state of slot 0, 1, …] [wake of slot 0, 1, …] [used of slot 0, 1, …]
 *   state: generation (24 bits) | closed | ahead | jobs (6 bits)
 *
 * A handler thread has a seat: a slot, which `slot-table.ts` gives to one living thread at a time, and a generation.
 *
 * Invariants
 * - The jobs of a handler thread grow by one for each job sent to it and shrink by one for each that is done (the handler
 *   thread takes it off) or recalled (who sent it does). 0 is idle, and only one serving thread wins an idle handler.
 * - A job that was sent ahead stands in the same word, apart from the jobs, one at most. It still counts as waiting: it
 *   joins the jobs when the handler thread begins it.
 * - A closed handler gets no more jobs, and finishes those it has.
 * - No wake-up is lost: a waiter counts itself before it looks for the last time, and who frees a handler looks at the
 *   waiters after it did.
 *
 * Who writes what
 * - The acceptor opens a slot when its thread is ready, closes it when the thread is to end or has ended, and gives the seat back after
 *   that. A slot that nobody has is closed.
 * - Serving threads add jobs and take back what was not begun, by compare-and-exchange of the whole word, so only in the generation they
 *   mean. A serving thread that has not heard of a thread's death can't touch the successor: for it the slot is closed.
 * - When a serving thread dies, the acceptor takes back in its place what it had not begun, and those that waited
 *   (`server/worker/pool-links.ts`).
 * - The handler thread takes its own jobs off with a plain subtraction. Its slot can't have another generation while it lives.
 *
 * Ranges
 * - Jobs: a serving thread adds none beyond SHORT_DEPTH (`assignment.ts`), and the one ahead joins them: 17. MAX_JOBS is asserted.
 * - Generation: 24 bits, which wrap on purpose. A serving thread would take a thread for its predecessor if it missed 2^24
 *   handler threads of one slot, and each of them takes milliseconds to start.
 * - WAITING: up to the limit of the queue, and for an instant one more for each serving thread, which adds first and takes back then.
 * - WAKE and the wakes of the slots: `wake-word.ts`.
 * - Nothing falls below 0: who would have it so puts back what it took and throws.
 */

import { brokenMemory } from "../../../../kit/broken-memory.ts";
import type { Seat } from "../../../../supervise/slot-table.ts";
import { WakeWord } from "../../../../kit/wake-word.ts";

const WAITING = 0;
const WAKE = 1;
const FIRST = 2;

const MAX_JOBS = 0x3f;
const AHEAD = 0x40;
const CLOSED = 0x80;
/** What is below the generation. */
const LOAD = 0xff;
const LOAD_BITS = 8;
const SLOT_BYTES = 4 + 4 + 1;

/** More handler threads than any machine runs at once. */
export const MAX_SLOTS = 0x10000;

export class Board {
  readonly buffer: SharedArrayBuffer;
  readonly slots: number;
  /** Wakes when a handler is free and somebody waits. */
  readonly freed: WakeWord;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #used: Uint8Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer) {
    const slots = (buffer.byteLength - FIRST * 4) / SLOT_BYTES;
    const words = FIRST + 2 * slots;
    this.buffer = buffer;
    this.slots = slots;
    this.#words = new Int32Array(buffer, 0, words);
    this.#used = new Uint8Array(buffer, words * 4);
    this.freed = new WakeWord(this.#words, WAKE);
  }

  static create(slots: number): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer(FIRST * 4 + slots * SLOT_BYTES);
    new Int32Array(buffer, FIRST * 4, slots).fill(CLOSED);
    return buffer;
  }

  /** Wakes a handler thread whose handler blocks on purpose. One that has the slot later may wake for nothing. */
  wakeOf({ slot }: Seat): WakeWord {
    return new WakeWord(this.#words, FIRST + this.slots + slot);
  }

  /** Acceptor: a new handler thread is ready. */
  open(seat: Seat): void {
    const before = Atomics.exchange(this.#words, FIRST + seat.slot, word(seat, 0));
    if ((before & CLOSED) === 0) throw broken(seat, "was opened while another thread has it", before);
    this.#used[seat.slot] = 0;
  }

  /** Acceptor: takes no more jobs, and finishes those it has. Does nothing if it was never opened, or another has its slot by now. */
  close(seat: Seat): void {
    const index = FIRST + seat.slot;
    // Only the acceptor changes generations, so this one can't change in between.
    if (isOf(seat, Atomics.load(this.#words, index))) Atomics.or(this.#words, index, CLOSED);
  }

  /** Acceptor: closes it if it is idle, so that it can be let go. */
  tryClose(seat: Seat): boolean {
    const idle = word(seat, 0);
    return Atomics.compareExchange(this.#words, FIRST + seat.slot, idle, idle | CLOSED) === idle;
  }

  /** 0: idle. More than any limit: closed, or another thread's by now. */
  load(seat: Seat): number {
    const seen = Atomics.load(this.#words, FIRST + seat.slot);
    return isOf(seat, seen) ? seen & LOAD : CLOSED;
  }

  /** Jobs it has begun or has next, without the one ahead. */
  count(seat: Seat): number {
    return this.load(seat) & MAX_JOBS;
  }

  /** Or another thread's by now. */
  isClosed(seat: Seat): boolean {
    return this.load(seat) >= CLOSED;
  }

  /** Closed, and done with all it had. */
  isSpent(seat: Seat): boolean {
    return this.load(seat) === CLOSED;
  }

  /** Serving thread. */
  tryClaimIdle(seat: Seat): boolean {
    const idle = word(seat, 0);
    if (Atomics.compareExchange(this.#words, FIRST + seat.slot, idle, idle + 1) !== idle) return false;
    this.#used[seat.slot] = 1;
    return true;
  }

  /** Serving thread: one job more, unless it has `limit` already or is closed. `limit`: below MAX_JOBS. */
  tryAdd(seat: Seat, limit: number): boolean {
    const index = FIRST + seat.slot;
    for (let seen = Atomics.load(this.#words, index); isOf(seat, seen) && (seen & LOAD) < limit; ) {
      const before = Atomics.compareExchange(this.#words, index, seen, seen + 1);
      if (before === seen) {
        this.#used[seat.slot] = 1;
        return true;
      }
      seen = before;
    }
    return false;
  }

  /** Serving thread: a job that waits lies ready for when the handler is done, unless another one does, or it is idle or closed. */
  tryAddAhead(seat: Seat): boolean {
    const index = FIRST + seat.slot;
    for (let seen = Atomics.load(this.#words, index); isOf(seat, seen); ) {
      const load = seen & LOAD;
      if (load === 0 || load >= AHEAD) return false;
      const before = Atomics.compareExchange(this.#words, index, seen, seen + AHEAD);
      if (before === seen) return true;
      seen = before;
    }
    return false;
  }

  /** Handler: the job that lay ready is the one it runs, and waits no more. */
  startAhead(seat: Seat): void {
    const before = Atomics.add(this.#words, FIRST + seat.slot, 1 - AHEAD);
    if ((before & AHEAD) === 0 || (before & MAX_JOBS) === MAX_JOBS) {
      Atomics.sub(this.#words, FIRST + seat.slot, 1 - AHEAD);
      throw broken(seat, "began a job ahead", before);
    }
    this.#used[seat.slot] = 1;
    this.stopWaiting();
  }

  /** Serving thread: takes back what it sent ahead; it goes on waiting. */
  takeBackAhead(seat: Seat): void {
    this.#takeBack(seat, AHEAD, AHEAD);
  }

  /** Serving thread: takes back a job that was not begun. */
  takeBack(seat: Seat): void {
    this.#takeBack(seat, 1, MAX_JOBS);
  }

  /** Handler: one job less. */
  release(seat: Seat): void {
    const before = Atomics.sub(this.#words, FIRST + seat.slot, 1);
    if ((before & MAX_JOBS) > 0 && isOf(seat, before)) return;
    Atomics.add(this.#words, FIRST + seat.slot, 1);
    throw broken(seat, "was done with a job", before);
  }

  /** Acceptor: whether it had a job since this was asked last. One that comes at this very moment may count next time only. */
  takeUsed(seat: Seat): boolean {
    const isUsed = this.#used[seat.slot] === 1 || this.load(seat) > 0;
    this.#used[seat.slot] = 0;
    return isUsed;
  }

  get waiting(): number {
    return Atomics.load(this.#words, WAITING);
  }

  /** Joins the queue, unless `limit` wait already. */
  tryWait(limit: number): boolean {
    if (Atomics.add(this.#words, WAITING, 1) < limit) return true;
    this.stopWaiting();
    return false;
  }

  stopWaiting(count: number = 1): void {
    const before = Atomics.sub(this.#words, WAITING, count);
    if (before >= count) return;
    Atomics.add(this.#words, WAITING, count);
    throw brokenMemory(`${count} stopped waiting for a handler thread, and ${before} were counted`);
  }

  /** Back at the head of the queue: these were admitted once and can't be refused any more. */
  waitAgain(count: number): void {
    Atomics.add(this.#words, WAITING, count);
  }

  /** If the thread is gone, and another has the slot, nothing is left to take back. */
  #takeBack(seat: Seat, count: number, mask: number): void {
    const index = FIRST + seat.slot;
    for (let seen = Atomics.load(this.#words, index); isOf(seat, seen); ) {
      if ((seen & mask) < count) throw broken(seat, "had a job taken back", seen);
      const before = Atomics.compareExchange(this.#words, index, seen, seen - count);
      if (before === seen) return;
      seen = before;
    }
  }
}

function word({ generation }: Seat, load: number): number {
  return (generation << LOAD_BITS) | load;
}

function isOf(seat: Seat, seen: number): boolean {
  return ((seen ^ word(seat, 0)) & ~LOAD) === 0;
}

function broken({ slot, generation }: Seat, what: string, seen: number): Error {
  const state = `${seen & MAX_JOBS} jobs${(seen & AHEAD) === 0 ? "" : ", one ahead"}${(seen & CLOSED) === 0 ? "" : ", closed"}`;
  return brokenMemory(
    `slot ${slot}, generation ${generation}, ${what}; it stands at generation ${seen >>> LOAD_BITS} (mod 2^24), ${state}`,
  );
}
