/**
 * The pool's board in shared memory: how many jobs each handler thread has, how many requests wait for one, and a word for
 * each handler thread that wakes it when it blocks. All serving threads of the worker dispatch to the same handler
 * threads by it, without asking anybody.
 *
 * Invariants
 * - A handler thread's count grows by one for each job sent to it and shrinks by one for each that is done (the handler
 *   thread takes it off) or recalled (who sent it does). 0 is idle, and only one serving thread wins an idle handler.
 * - A job that was sent ahead stands in the same word, apart from the count, one at most. It still counts as waiting: it
 *   joins the count when the handler thread begins it.
 * - A closed handler gets no more jobs: its count is beyond every limit from then on, and its slot is not used again
 *   for thousands of handlers.
 * - No wake-up is lost: a waiter counts itself before it looks for the last time, and who frees a handler looks at the
 *   waiters after it did.
 */

import { WakeWord } from "../../../../kit/wake-word.ts";

const WAITING = 0;
const WAKE = 1;
const FIRST = 2;

/** Handlers are numbered through the life of a pool and use the slots in turn: a straggler can't hit a successor. */
const SLOTS = 4096;
const AHEAD = 0x1000;
const CLOSED = 0x100000;
const WORDS = FIRST + 2 * SLOTS;

export class Board {
  readonly buffer: SharedArrayBuffer;
  /** Wakes when a handler is free and somebody waits. */
  readonly freed: WakeWord;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #used: Uint8Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(WORDS * 4 + SLOTS)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer, 0, WORDS);
    this.#used = new Uint8Array(buffer, WORDS * 4);
    this.freed = new WakeWord(this.#words, WAKE);
  }

  /** Wakes a handler thread whose handler blocks on purpose. */
  wakeOf(id: number): WakeWord {
    return new WakeWord(this.#words, slot(id) + SLOTS);
  }

  /** A new handler thread takes over the slot of its number. */
  open(id: number): void {
    Atomics.store(this.#words, slot(id), 0);
  }

  /** From now on nobody sends it anything. */
  close(id: number): void {
    Atomics.store(this.#words, slot(id), CLOSED);
  }

  /** Closes it if it is idle, so that it can be let go. */
  tryClose(id: number): boolean {
    return Atomics.compareExchange(this.#words, slot(id), 0, CLOSED) === 0;
  }

  /** Takes no more jobs, and finishes those it has. */
  seal(id: number): void {
    Atomics.or(this.#words, slot(id), CLOSED);
  }

  /** 0: idle. */
  load(id: number): number {
    return Atomics.load(this.#words, slot(id));
  }

  /** Jobs it has begun or has next, without the one ahead. */
  count(id: number): number {
    return this.load(id) % AHEAD;
  }

  /** Sealed, and done with all it had. */
  isSpent(id: number): boolean {
    return this.load(id) === CLOSED;
  }

  tryClaimIdle(id: number): boolean {
    if (Atomics.compareExchange(this.#words, slot(id), 0, 1) !== 0) return false;
    this.#used[id % SLOTS] = 1;
    return true;
  }

  /** One job more, unless it has `limit` already or is closed. */
  tryAdd(id: number, limit: number): boolean {
    for (;;) {
      const seen = this.load(id);
      if (seen >= limit) return false;
      if (Atomics.compareExchange(this.#words, slot(id), seen, seen + 1) !== seen) continue;
      this.#used[id % SLOTS] = 1;
      return true;
    }
  }

  /** A job that waits lies ready for when the handler is done, unless another one does, or it is idle or closed. */
  tryAddAhead(id: number): boolean {
    for (;;) {
      const seen = this.load(id);
      if (seen === 0 || seen >= AHEAD) return false;
      if (Atomics.compareExchange(this.#words, slot(id), seen, seen + AHEAD) === seen) return true;
    }
  }

  /** Handler: the job that lay ready is the one it runs, and waits no more. */
  startAhead(id: number): void {
    Atomics.add(this.#words, slot(id), 1 - AHEAD);
    this.#used[id % SLOTS] = 1;
    this.stopWaiting();
  }

  /** Who sent it ahead takes it back; it goes on waiting. */
  releaseAhead(id: number): void {
    Atomics.sub(this.#words, slot(id), AHEAD);
  }

  /** Whether it had a job since this was asked last. One that comes at this very moment may count next time only. */
  takeUsed(id: number): boolean {
    const isUsed = this.#used[id % SLOTS] === 1 || this.load(id) > 0;
    this.#used[id % SLOTS] = 0;
    return isUsed;
  }

  /** One job less. */
  release(id: number): void {
    Atomics.sub(this.#words, slot(id), 1);
  }

  get waiting(): number {
    return Atomics.load(this.#words, WAITING);
  }

  /** Joins the queue, unless `limit` wait already. */
  tryWait(limit: number): boolean {
    if (Atomics.add(this.#words, WAITING, 1) < limit) return true;
    Atomics.sub(this.#words, WAITING, 1);
    return false;
  }

  stopWaiting(count: number = 1): void {
    Atomics.sub(this.#words, WAITING, count);
  }

  /** Back at the head of the queue: these were admitted once and can't be refused any more. */
  waitAgain(count: number): void {
    Atomics.add(this.#words, WAITING, count);
  }
}

function slot(id: number): number {
  return FIRST + (id % SLOTS);
}
