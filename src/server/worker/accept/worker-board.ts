/**
 * The load board of all workers: memory that their processes share, with a row (`supervise/load-board.ts`) for each worker that is
 * one event loop. Such workers accept from one socket, and each passes on what another one should have, as the threads of one
 * worker do. The arbiter makes the board, gives each worker a seat on it, and forwards what is passed on.
 *
 *   worker A accepts → another's row has clearly fewer connections → counts it there → the arbiter → worker B
 *
 * Who writes which word: a seat's row is its worker's, but for `connections` (whoever passes one on raises it). The arbiter
 * clears a row before it gives the seat away, and writes how many seats were ever taken. A worker dies between two writes: the
 * arbiter takes its row off the board when it is reaped. `pid` tells whose row it is: a connection is counted for one worker, and
 * is never given to its successor on the same seat as if that had counted it.
 */

import { COUNTER, LoadRow, ROW_BYTES } from "../../../supervise/load-board.ts";
import { createSharedMemory, loadNative, mapSharedMemory } from "../../../platform/native.ts";

/** Where a worker's row lies. */
export interface Seat {
  /** The board's descriptor in the process that is told. */
  readonly fd: number;
  readonly index: number;
}

/** Another worker that accepts. */
export interface Neighbour {
  readonly pid: number;
  readonly row: LoadRow;
}

/** Workers beyond this have none, and share the socket without passing on. */
const SEATS = 1024;
const HEADER_BYTES = 64;
const BYTES = HEADER_BYTES + SEATS * ROW_BYTES;
/** Of the header: one more than the highest seat that was ever taken. */
const USED = 0;

export class WorkerBoard {
  readonly fd: number;
  readonly #memory: ArrayBuffer;
  readonly #header: Int32Array;
  readonly #rows: LoadRow[] = [];
  /** The arbiter's. */
  readonly #taken = new Set<number>();

  private constructor(fd: number, memory: ArrayBuffer) {
    this.fd = fd;
    this.#memory = memory;
    this.#header = new Int32Array(memory, 0, HEADER_BYTES / 4);
  }

  /** undefined: this system or this Node has no memory to share. */
  static create(): WorkerBoard | undefined {
    const fd = createSharedMemory(BYTES);
    return fd === undefined ? undefined : WorkerBoard.at(fd);
  }

  /** In another process or thread. @throws Error: it cannot be mapped */
  static at(fd: number): WorkerBoard {
    return new WorkerBoard(fd, mapSharedMemory(fd, BYTES));
  }

  /** For a worker that is spawned. undefined: all seats are taken. */
  take(): number | undefined {
    let index = 0;
    while (this.#taken.has(index)) index++;
    if (index === SEATS) return undefined;
    this.#taken.add(index);
    new Uint8Array(this.#memory, HEADER_BYTES + index * ROW_BYTES, ROW_BYTES).fill(0);
    Atomics.store(this.#header, USED, Math.max(index + 1, Atomics.load(this.#header, USED)));
    return index;
  }

  /** Its worker is gone. */
  leave(index: number): void {
    Atomics.store(this.row(index).counters, COUNTER.accepts, 0);
    this.#taken.delete(index);
  }

  row(index: number): LoadRow {
    return (this.#rows[index] ??= new LoadRow(this.#memory, HEADER_BYTES + index * ROW_BYTES));
  }

  /** The workers that accept now, without the one on this seat. */
  neighbours(own: number): Neighbour[] {
    const found: Neighbour[] = [];
    const used = Atomics.load(this.#header, USED);
    for (let index = 0; index < used; index++) {
      const row = this.row(index);
      if (index !== own && row.read(COUNTER.accepts) === 1) found.push({ pid: row.read(COUNTER.pid), row });
    }
    return found;
  }
}

/** A worker's place on the board, seen from one of its threads. */
export class OnBoard {
  readonly seat: Seat;
  readonly row: LoadRow;
  readonly #board: WorkerBoard;

  /** @throws Error: the board cannot be mapped */
  constructor(seat: Seat) {
    this.seat = seat;
    this.#board = WorkerBoard.at(seat.fd);
    this.row = this.#board.row(seat.index);
  }

  readonly neighbours = (): readonly Neighbour[] => this.#board.neighbours(this.seat.index);

  /** undefined: it does not accept any more. Its count no longer matters then. */
  rowOf(pid: number): LoadRow | undefined {
    return this.neighbours().find((neighbour) => neighbour.pid === pid)?.row;
  }
}

interface OpenRow {
  readonly row: LoadRow;
  readonly neighbours: (() => readonly Neighbour[]) | undefined;
}

/** A thread's own row, from its boot data. @throws Error: the board cannot be mapped */
export async function openRow(place: SharedArrayBuffer | Seat): Promise<OpenRow> {
  if (!("fd" in place)) return { row: new LoadRow(place), neighbours: undefined };
  await loadNative();
  return new OnBoard(place);
}
