/**
 * The board of the runtime: a row of shared memory for each of its threads, which any thread reads without asking. It shows how
 * much work a thread has, and whether its loop turns.
 *
 * Invariants
 * - All counts change through Atomics. Whoever places work on the thread raises `queued`. The thread lowers it when the work
 *   starts, or the placer does if it takes the work back. Only the thread writes `running` and `offered`.
 * - Times are `monotonicMs()`. The heartbeat is kept up only while the thread has work: an idle thread sleeps.
 *
 * Ranges
 * - `queued`, `running` and `offered` are numbers of current items. None falls below 0: an operation that would do so is
 *   undone, and throws.
 * - `posted` only grows. It wraps at 2^32, as does the thread's own count of received messages; the two are compared for
 *   equality.
 * - `current` is a number up to 4,096 (tasks/jobs/task-names.ts). A thread's row is its number modulo MAX_THREADS.
 *
 * If the thread dies, its row stays as it is until the root gives it to another thread (thread-supervisor.ts) and clears it.
 * Rows are reused in turn, because threads that do not know of the death may still write to the row: 1,023 other threads
 * must begin before it is used again.
 */

import { brokenMemory } from "../../kit/broken-memory.ts";
import { monotonicMs } from "../../kit/clock.ts";
import type { Role } from "./thread-protocol.ts";

/** Rows. More threads at once are refused. */
export const MAX_THREADS = 1024;
/** A cache line, so that two threads never write to the same one. */
const ROW_BYTES = 64;
const ROW_WORDS = ROW_BYTES / 4;

/** Words of a row. */
export const LOAD = {
  /** Units placed on the thread and not started. */
  queued: 0,
  /** Units started and not ended, parked ones included. */
  running: 1,
  /** Number of the unit that runs now, assigned by its service. 0: none. */
  current: 2,
  /** Units that the thread placed on others, and that have not started. */
  offered: 3,
  /** Messages that others have posted to the thread. */
  posted: 4,
} as const;

const BEAT = 3;
/** 1: nothing is placed on the thread any more. Written by the root. */
const CLOSED = 5;
/** Used by a service that holds shared memory under the thread's name (tasks/select/meetings.ts). It outlives the thread. */
const MEETING = 10;

/** The most threads of a role, in the row of the root. */
const SIZE: Readonly<Record<Role, number>> = { scheduler: 8, blocking: 9 };

export type LoadWord = (typeof LOAD)[keyof typeof LOAD];

export class ThreadBoard {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #times: Float64Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(MAX_THREADS * ROW_BYTES)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
    this.#times = new Float64Array(buffer);
  }

  resize(role: Role, threads: number): void {
    Atomics.store(this.#words, SIZE[role], threads);
  }

  size(role: Role): number {
    return Atomics.load(this.#words, SIZE[role]);
  }

  add(thread: number, word: LoadWord, count: number): void {
    const before = Atomics.add(this.#words, place(thread) + word, count);
    if (count >= 0 || before >= -count) return;
    Atomics.sub(this.#words, place(thread) + word, count);
    throw brokenMemory(
      `the row of thread ${thread} has ${before} in word ${word}, which cannot be lowered by ${-count}`,
    );
  }

  read(thread: number, word: LoadWord): number {
    return Atomics.load(this.#words, place(thread) + word);
  }

  /** Sets the unit that runs now. Not atomic: it is written at every switch, and readers only look for long-running units. */
  setCurrent(thread: number, current: number): void {
    this.#words[place(thread) + LOAD.current] = current;
  }

  /** The thread's work: queued and running. */
  load(thread: number): number {
    return this.read(thread, LOAD.queued) + this.read(thread, LOAD.running);
  }

  beat(thread: number, nowMs: number = monotonicMs()): void {
    this.#times[timePlace(thread)] = nowMs;
  }

  /** When the thread's loop last turned; undefined: it has nothing to do, or has not begun. */
  beatMs(thread: number): number | undefined {
    if (this.load(thread) <= 0) return undefined;
    return this.#times[timePlace(thread)]! || undefined;
  }

  /** How long ago the thread's loop last turned. 0 if it has no work. */
  silentMs(thread: number): number {
    const nowMs = monotonicMs();
    return Math.max(0, nowMs - (this.beatMs(thread) ?? nowMs));
  }

  /** Nothing is placed on the thread from now on. */
  close(thread: number): void {
    Atomics.store(this.#words, place(thread) + CLOSED, 1);
  }

  isClosed(thread: number): boolean {
    return Atomics.load(this.#words, place(thread) + CLOSED) === 1;
  }

  /** The words of all rows, and the index of a row's own word for meetings. */
  get meetings(): { readonly words: Int32Array<SharedArrayBuffer>; readonly at: (row: number) => number } {
    return { words: this.#words, at: (row) => row * ROW_WORDS + MEETING };
  }

  /** The row belongs to another thread from now on. */
  clear(thread: number): void {
    this.#words.fill(0, place(thread), place(thread) + MEETING);
  }
}

function place(thread: number): number {
  return (thread % MAX_THREADS) * ROW_WORDS;
}

function timePlace(thread: number): number {
  return (thread % MAX_THREADS) * (ROW_BYTES / 8) + BEAT;
}
