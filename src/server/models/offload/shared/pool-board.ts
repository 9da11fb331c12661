/**
 * The pool's board in shared memory: the number of jobs of each handler thread, the number of waiting requests, and for each
 * handler thread a word that wakes it when it blocks. All serving threads of the worker use it to dispatch to the same
 * handler threads without messages between them.
 *
 *   [WAITING WAKE] [state of slot 0, 1, …] [wake of slot 0, 1, …] [beside of slot 0, 1, …] [used of slot 0, 1, …]
 *   state: generation (20 bits) | closed | ahead | jobs (10 bits)
 *
 * A handler thread has a seat: a slot, which `slot-table.ts` gives to one living thread at a time, and a generation.
 *
 * Invariants
 * - A handler thread's jobs grow by one for each job sent to it. They shrink by one for each that is done (the handler thread
 *   subtracts it) or recalled (its sender does). 0 is idle, and only one serving thread wins an idle handler.
 * - A job that was sent ahead is in the same word, apart from the jobs, at most one. It still counts as waiting. It joins the
 *   jobs when the handler thread begins it.
 * - A job that others may run beside (all of them under `tasks`) leaves the jobs when it begins, and is counted as `beside`.
 *   So these are unlimited, and the jobs of such a thread are those that it has not begun.
 * - A closed handler gets no more jobs, and finishes those it has.
 * - No lost wake-up: a waiter first counts itself and then looks for the last time. Whoever frees a handler first frees it and
 *   then looks at the waiters.
 *
 * Who writes what
 * - The acceptor opens a slot when its thread is ready, closes it when the thread must end or has ended, and then gives the
 *   seat back. A slot without a thread is closed.
 * - Serving threads add jobs and take back those not begun, by compare-and-exchange of the whole word, so only in the intended
 *   generation. A serving thread that does not know of a thread's death can't touch the successor: its old seat is closed.
 * - When a serving thread dies, the acceptor takes back its jobs that were not begun, and its waiting requests
 *   (`server/worker/handlers/pool-links.ts`).
 * - The handler thread subtracts its own jobs without comparing. Its slot keeps its generation while it lives. It alone writes
 *   the number of jobs beside: first it adds there, then it subtracts from the jobs, so that a thread with a job is never seen
 *   without one. The acceptor sets it to 0 for the next thread.
 *
 * Ranges
 * - Jobs: serving threads add none beyond SHORT_DEPTH, or TASK_DEPTH under `tasks` (`assignment.ts`). The one ahead joins them.
 *   MAX_JOBS is asserted.
 * - Generation: 20 bits, which wrap on purpose. To confuse two threads, a serving thread would have to miss 2^20 handler
 *   threads of one slot, and each of them takes milliseconds to start: a quarter of an hour at least, and then the very last one.
 * - WAITING: up to the queue's limit. For an instant it may be one more for each serving thread, which adds first and then
 *   takes back.
 * - WAKE and the wakes of the slots: `wake-word.ts`.
 * - Nothing falls below 0. An operation that would do so is undone, and throws.
 */

import { count as counted } from "../../../../errors/count.ts";
import { brokenMemory } from "../../../../kit/broken-memory.ts";
import type { Seat } from "../../../../supervise/slot-table.ts";
import { WakeWord } from "../../../../kit/wake-word.ts";

const WAITING = 0;
const WAKE = 1;
const FIRST = 2;

const MAX_JOBS = 0x3ff;
const AHEAD = 0x400;
const CLOSED = 0x800;
/** The bits below the generation. */
const LOAD = 0xfff;
const LOAD_BITS = 12;
const SLOT_BYTES = 4 + 4 + 4 + 1;

/** More handler threads than any machine runs at once. */
export const MAX_SLOTS = 0x10000;

export class Board {
  readonly buffer: SharedArrayBuffer;
  readonly slots: number;
  /** Wakes when a handler is free and a request waits. */
  readonly freed: WakeWord;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #used: Uint8Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer) {
    const slots = (buffer.byteLength - FIRST * 4) / SLOT_BYTES;
    const words = FIRST + 3 * slots;
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

  /** Wakes a handler thread whose handler blocks on purpose. A later thread in the slot may wake without need. */
  wakeOf({ slot }: Seat): WakeWord {
    return new WakeWord(this.#words, FIRST + this.slots + slot);
  }

  /** Acceptor: a new handler thread is ready. */
  open(seat: Seat): void {
    const before = Atomics.exchange(this.#words, FIRST + seat.slot, word(seat, 0));
    if ((before & CLOSED) === 0) throw broken(seat, "was opened while another thread has it", before);
    this.#used[seat.slot] = 0;
    Atomics.store(this.#words, this.#beside(seat), 0);
  }

  /** Acceptor: the thread takes no more jobs. No effect if it was never opened, or if another thread has its slot by now. */
  close(seat: Seat): void {
    const index = FIRST + seat.slot;
    // Only the acceptor changes generations, so this one can't change in between.
    if (isOf(seat, Atomics.load(this.#words, index))) Atomics.or(this.#words, index, CLOSED);
  }

  /** Acceptor: closes it if it is idle, so that it can be evicted. */
  tryClose(seat: Seat): boolean {
    const idle = word(seat, 0);
    const index = FIRST + seat.slot;
    if (this.beside(seat) > 0 || Atomics.compareExchange(this.#words, index, idle, idle | CLOSED) !== idle)
      return false;
    // It may have begun one in between.
    if (this.beside(seat) === 0) return true;
    Atomics.and(this.#words, index, ~CLOSED);
    return false;
  }

  /** 0: idle. More than any limit: closed, or the slot belongs to another thread by now. */
  load(seat: Seat): number {
    const seen = Atomics.load(this.#words, FIRST + seat.slot);
    return isOf(seat, seen) ? seen & LOAD : CLOSED;
  }

  /** Jobs that run or are next, without the one ahead. */
  count(seat: Seat): number {
    return this.load(seat) & MAX_JOBS;
  }

  /** Serving thread: all jobs of a thread, begun or not. Infinity: closed, or it has `limit` that it has not begun. */
  weight(seat: Seat, limit: number): number {
    const load = this.load(seat);
    return load < limit ? load + this.beside(seat) : Infinity;
  }

  /** Jobs that run beside others. */
  beside(seat: Seat): number {
    return isOf(seat, Atomics.load(this.#words, FIRST + seat.slot)) ? Atomics.load(this.#words, this.#beside(seat)) : 0;
  }

  #beside({ slot }: Seat): number {
    return FIRST + 2 * this.slots + slot;
  }

  /** Handler: it has begun a job, or runs one, beside which others may run. */
  runBeside(seat: Seat): void {
    Atomics.add(this.#words, this.#beside(seat), 1);
    this.release(seat);
  }

  /** Handler: nothing else may run beside that job any more. */
  runAlone(seat: Seat): void {
    Atomics.add(this.#words, FIRST + seat.slot, 1);
    this.releaseBeside(seat);
  }

  /** Handler: such a job is done. */
  releaseBeside(seat: Seat): void {
    if (Atomics.sub(this.#words, this.#beside(seat), 1) > 0) return;
    Atomics.add(this.#words, this.#beside(seat), 1);
    throw brokenMemory(`slot ${seat.slot} was done with a job beside others, and had none`);
  }

  /** Also true if the slot belongs to another thread by now. */
  isClosed(seat: Seat): boolean {
    return this.load(seat) >= CLOSED;
  }

  /** Closed, and done with all of its jobs. */
  isSpent(seat: Seat): boolean {
    return this.load(seat) === CLOSED && this.beside(seat) === 0;
  }

  /** Serving thread. */
  tryClaimIdle(seat: Seat): boolean {
    const idle = word(seat, 0);
    if (Atomics.compareExchange(this.#words, FIRST + seat.slot, idle, idle + 1) !== idle) return false;
    this.#used[seat.slot] = 1;
    return true;
  }

  /** Serving thread: adds a job, unless the handler has `limit` already or is closed. `limit`: below MAX_JOBS. */
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

  /** Serving thread: adds a waiting job as the one ahead. False: there is one already, or the handler is idle or closed. */
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

  /** Handler: it now runs the job that was sent ahead, which no longer waits. */
  startAhead(seat: Seat): void {
    const before = Atomics.add(this.#words, FIRST + seat.slot, 1 - AHEAD);
    if ((before & AHEAD) === 0 || (before & MAX_JOBS) === MAX_JOBS) {
      Atomics.sub(this.#words, FIRST + seat.slot, 1 - AHEAD);
      throw broken(seat, "began a job ahead", before);
    }
    this.#used[seat.slot] = 1;
    this.stopWaiting();
  }

  /** Serving thread: takes back the job it sent ahead. The job still waits. */
  takeBackAhead(seat: Seat): void {
    this.#takeBack(seat, AHEAD, AHEAD);
  }

  /** Serving thread: takes back a job that was not begun. */
  takeBack(seat: Seat): void {
    this.#takeBack(seat, 1, MAX_JOBS);
  }

  /** Handler: one job fewer. */
  release(seat: Seat): void {
    const before = Atomics.sub(this.#words, FIRST + seat.slot, 1);
    if ((before & MAX_JOBS) > 0 && isOf(seat, before)) return;
    Atomics.add(this.#words, FIRST + seat.slot, 1);
    throw broken(seat, "was done with a job", before);
  }

  /** Acceptor: whether it had a job since the last call. A job that comes at this moment may count only at the next call. */
  takeUsed(seat: Seat): boolean {
    const isUsed = this.#used[seat.slot] === 1 || this.load(seat) > 0 || this.beside(seat) > 0;
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

  /** Back at the head of the queue. They were admitted already, so they can't be refused. */
  waitAgain(count: number): void {
    Atomics.add(this.#words, WAITING, count);
  }

  /** If another thread has the slot by now, nothing is left to take back. */
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
  const state = `${counted(seen & MAX_JOBS, "job")}${(seen & AHEAD) === 0 ? "" : ", one ahead"}${(seen & CLOSED) === 0 ? "" : ", closed"}`;
  return brokenMemory(
    `slot ${slot}, generation ${generation}, ${what}; it stands at generation ${seen >>> LOAD_BITS} (mod 2^20), ${state}`,
  );
}
