/**
 * The board of the runtime: a row of shared memory for each of its threads, which anybody reads without asking. It says how
 * much a thread has to do, and whether it still turns.
 *
 * Invariants
 * - All counts change through Atomics. `queued` is raised by who places work on the thread and lowered by the thread when the
 *   work starts (or by who takes it back); `running` has the thread as its only writer, and so has `offered`.
 * - Times are `monotonicMs()`. The beat is kept up only while the thread has something to do: an idle thread sleeps.
 *
 * Ranges
 * - `queued`, `running` and `offered` are as much as there is at once. None falls below 0: who would lower it further puts it back and
 *   throws.
 * - `posted` only grows. It wraps at 2^32, as does the thread's own count of what has arrived, and the two are compared for equality.
 * - `current` is a number up to 4,096 (tasks/jobs/task-names.ts). A thread's row is its number modulo MAX_THREADS.
 *
 * The thread dies: its row stays as it is, until the root gives it to another thread (thread-supervisor.ts) and clears it.
 * Rows are given out in turn, so others may still write to the row of one whose death they have not heard of: 1,023 threads
 * have to begin before it is used again.
 */

import { brokenMemory } from "../../kit/broken-memory.ts";
import { monotonicMs } from "../../kit/clock.ts";
import type { Role } from "./thread-protocol.ts";

/** Rows; more threads than that at once are refused. */
export const MAX_THREADS = 1024;
/** A cache line, so that two threads never write to the same one. */
const ROW_BYTES = 64;
const ROW_WORDS = ROW_BYTES / 4;

/** Words of a row. */
export const LOAD = {
  /** Placed on the thread and not started. */
  queued: 0,
  /** Started and not ended, parked ones included. */
  running: 1,
  /** A number for whoever runs at the moment, given by the service that runs it; 0: nobody. */
  current: 2,
  /** Placed by the thread on others, and not started. */
  offered: 3,
  /** Messages that others have posted to the thread. */
  posted: 4,
} as const;

const BEAT = 3;
/** For whoever holds something in shared memory under the thread's name (tasks/meetings.ts). It outlives the thread. */
const MEETING = 10;

/** How many threads of a role there may be, in the row of the root. */
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
    throw brokenMemory(`the row of thread ${thread} has ${before} in word ${word}, and ${-count} were to be taken off`);
  }

  read(thread: number, word: LoadWord): number {
    return Atomics.load(this.#words, place(thread) + word);
  }

  /** Who runs now. Not atomic: it is written at every switch, and a reader only wants to know who it is for long. */
  setCurrent(thread: number, current: number): void {
    this.#words[place(thread) + LOAD.current] = current;
  }

  /** What the thread has to do: queued and running. */
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

  /** How long ago the thread's loop last turned, if it has something to do; otherwise 0. */
  silentMs(thread: number): number {
    const nowMs = monotonicMs();
    return Math.max(0, nowMs - (this.beatMs(thread) ?? nowMs));
  }

  /** The words of all rows, and where a row's own word for meetings is. */
  get meetings(): { readonly words: Int32Array<SharedArrayBuffer>; readonly at: (row: number) => number } {
    return { words: this.#words, at: (row) => row * ROW_WORDS + MEETING };
  }

  /** The row is another thread's from now on. */
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
