/**
 * What the threads of a worker and its acceptor tell each other about one gate with an adaptive limit.
 *
 * Memory
 * - `row`: one for each thread and gate. Only the thread writes it, and the acceptor reads it. Every number only grows, but `mode`
 *   (0 or 1). They are doubles, exact up to 2^53, so none wraps. The acceptor reads them one after another: a window may have an
 *   answer more or less than its time, which the next window makes up for.
 * - `board`: one for each gate. Only the acceptor writes it: it runs no user code, so that no handler can keep it from that.
 * - The limit itself is in the gate's semaphore, and only the acceptor writes it.
 * - The thread dies between two writes: its row is read for the last time and added to those of the dead. No number depends on
 *   another.
 */

export interface AdaptiveMemory {
  readonly row: SharedArrayBuffer;
  readonly board: SharedArrayBuffer;
}

/** Numbers of a row. */
export const ROW = {
  /** Good answers, the sum of their times until the head of the response, and of the requests in flight that each has seen. */
  answers: 0,
  answerMs: 1,
  inFlight: 2,
  /** Requests that came, and those of them that found no free slot. */
  arrivals: 3,
  foundFull: 4,
  /** Sheds by reason. */
  shedQueueFull: 5,
  shedTimedOut: 6,
  shedDelayed: 7,
  /** 1 while the thread's queue is newest first. */
  mode: 8,
} as const;

const ROW_NUMBERS = 9;
const BOARD_TARGET_MS = 0;

export type Row = Float64Array<SharedArrayBuffer>;

export function createRow(): SharedArrayBuffer {
  return new SharedArrayBuffer(ROW_NUMBERS * 8);
}

/** Adds the growing numbers of a row. */
export function addRow(into: Float64Array, row: Float64Array): void {
  for (let at = 0; at < ROW.mode; at++) into[at]! += row[at]!;
}

export function emptyRow(): Float64Array {
  return new Float64Array(ROW_NUMBERS);
}

/** What the acceptor tells the threads. */
export class Board {
  readonly buffer: SharedArrayBuffer;
  readonly #numbers: Float64Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.buffer = buffer;
    this.#numbers = new Float64Array(buffer);
  }

  /** How long requests should wait at most, on a server that is not overloaded. */
  get targetMs(): number {
    return this.#numbers[BOARD_TARGET_MS]!;
  }

  set targetMs(ms: number) {
    this.#numbers[BOARD_TARGET_MS] = ms;
  }
}
