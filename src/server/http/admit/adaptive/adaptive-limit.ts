/**
 * The adaptive limit of one gate of a worker, on the acceptor: it adds up what the threads have measured, lets the limiter decide, and
 * writes the limit. One writer for all threads, and it runs no user code.
 */

import type { AdaptiveLimit as Setting } from "../../../../config/config.ts";
import { SharedSemaphore } from "../../../../kit/shared-semaphore.ts";
import { ElasticityLimiter } from "./elasticity-limiter.ts";
import type { Bounds, Limiter } from "./limiter.ts";
import { type AdaptiveMemory, addRow, Board, createRow, emptyRow, ROW, type Row } from "./memory.ts";
import { TARGET_MS, targetMs } from "./queue-target.ts";
import { Windows } from "./windows.ts";

/** Without a tuned knee. */
const SEED = 16;
const MAX = 16_384;

/** The bounds of one worker's limit, whose share of the server's numbers is in `setting`. */
export function boundsOf({ adaptive: { seed, max } }: Setting): Bounds {
  const most = max ?? (seed === undefined ? MAX : 2 * seed);
  return { seed: Math.min(most, seed ?? SEED), max: most };
}

/** What `heddle status` shows of it. */
export interface AdaptiveReport {
  /** The route's name; `*`: the server's. */
  readonly route: string;
  readonly limit: number;
  readonly max: number;
  readonly inFlight: number;
  readonly waiting: number;
  /** The mean time of an answer on a server that is not overloaded. Absent: nothing was answered yet. */
  readonly baselineMs?: number;
  readonly answersPerSecond: number;
  /** Of the threads' queues. */
  readonly queue: "first-come" | "newest-first";
  readonly shed: { readonly queueFull: number; readonly timedOut: number; readonly delayed: number };
}

export class AdaptiveLimit {
  readonly slots: SharedSemaphore;
  readonly #board = new Board();
  readonly #limiter: Limiter;
  readonly #windows = new Windows();
  readonly #rows = new Set<Row>();
  readonly #dead = emptyRow();
  #bounds: Bounds;
  #queue: number;
  #answersPerSecond = 0;

  constructor(setting: Setting, queue: number) {
    this.#bounds = boundsOf(setting);
    this.#queue = queue;
    this.#limiter = new ElasticityLimiter(this.#bounds);
    this.slots = SharedSemaphore.create(this.#limiter.limit, queue);
    this.#board.targetMs = TARGET_MS;
  }

  resize(setting: Setting, queue: number): void {
    this.#bounds = boundsOf(setting);
    this.#queue = queue;
    this.#limiter.resize(this.#bounds);
    this.slots.resize(this.#limiter.limit, queue);
  }

  /** The memory of one thread more. */
  memory(): AdaptiveMemory {
    const row = createRow();
    this.#rows.add(new Float64Array(row));
    return { row, board: this.#board.buffer };
  }

  /** Its thread is dead. */
  settle({ row: buffer }: AdaptiveMemory): void {
    for (const row of this.#rows) {
      if (row.buffer !== buffer) continue;
      addRow(this.#dead, row);
      this.#rows.delete(row);
    }
  }

  look(nowMs: number): void {
    const window = this.#windows.look(this.#totals(), nowMs);
    if (this.#windows.isEmpty) this.#answersPerSecond = 0;
    if (window === undefined) return;
    this.#limiter.update(window);
    this.#answersPerSecond = (window.answers * 1000) / window.lengthMs;
    this.#board.targetMs = targetMs(window, this.#limiter.baselineMs ?? window.meanMs);
    if (this.slots.limit !== this.#limiter.limit) this.slots.resize(this.#limiter.limit, this.#queue);
  }

  report(route: string): AdaptiveReport {
    const totals = this.#totals();
    const { baselineMs } = this.#limiter;
    return {
      route,
      limit: this.#limiter.limit,
      max: this.#bounds.max,
      inFlight: this.slots.taken,
      waiting: this.slots.waiting,
      ...(baselineMs === undefined ? {} : { baselineMs: Math.round(baselineMs * 100) / 100 }),
      answersPerSecond: Math.round(this.#answersPerSecond * 10) / 10,
      queue: [...this.#rows].some((row) => row[ROW.mode] === 1) ? "newest-first" : "first-come",
      shed: {
        queueFull: totals[ROW.shedQueueFull]!,
        timedOut: totals[ROW.shedTimedOut]!,
        delayed: totals[ROW.shedDelayed]!,
      },
    };
  }

  #totals(): Float64Array {
    const totals = this.#dead.slice();
    for (const row of this.#rows) addRow(totals, row);
    return totals;
  }
}
