/**
 * The jobs of one link in shared memory: whether each has been started, since when, and whether it is done.
 *
 * A job lies in the handler thread's message queue until its turn. The serving thread may want it back, because that
 * thread turned out to be busy for long and another is idle. Exactly one of the two wins the job's cell:
 *
 *   open ──handler claims──▶ started ──▶ done
 *     └──server recalls───▶ recalled   (the handler thread skips it)
 *
 * Invariant: a cell is used again only after its job was done or recalled; a link has at most CELLS jobs.
 */

const OPEN = 0;
const STARTED = 1;
const RECALLED = 2;
const DONE = 3;

/** Far more than a link ever has in flight (`assignment.ts`), so that a cell is never used by two jobs at once. */
export const CELLS = 64;

export class Ring {
  /** Number and state of a job in one word: a recalled job's message may be read long after its cell has a new one. */
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #startedMs: Float64Array<SharedArrayBuffer>;
  readonly #ranMs: Float64Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer) {
    this.#startedMs = new Float64Array(buffer, 0, CELLS);
    this.#ranMs = new Float64Array(buffer, CELLS * 8, CELLS);
    this.#words = new Int32Array(buffer, CELLS * 16, CELLS);
  }

  static create(): SharedArrayBuffer {
    return new SharedArrayBuffer(CELLS * 20);
  }

  /** Server: before the job is sent. */
  open(seq: number): void {
    Atomics.store(this.#words, seq % CELLS, word(seq, OPEN));
  }

  /** Handler: false if the server has taken it back. `nowMs`: monotonicMs(). */
  claim(seq: number, nowMs: number): boolean {
    if (Atomics.load(this.#words, seq % CELLS) !== word(seq, OPEN)) return false;
    // Before the state says so: who sees a job started sees its time.
    this.#startedMs[seq % CELLS] = nowMs;
    return this.#move(seq, OPEN, STARTED);
  }

  /** Handler: it is over, and the next may be claimed. */
  finish(seq: number, nowMs: number): void {
    this.#ranMs[seq % CELLS] = nowMs - this.#startedMs[seq % CELLS]!;
    this.#move(seq, STARTED, DONE);
  }

  /** Server: false if the handler has started it. */
  recall(seq: number): boolean {
    return this.#move(seq, OPEN, RECALLED);
  }

  /** Neither started nor recalled. */
  isOpen(seq: number): boolean {
    return Atomics.load(this.#words, seq % CELLS) === word(seq, OPEN);
  }

  /** Started and not done. */
  isRunning(seq: number): boolean {
    return Atomics.load(this.#words, seq % CELLS) === word(seq, STARTED);
  }

  /** How long it ran; undefined: it is not done. */
  ranMs(seq: number): number | undefined {
    return Atomics.load(this.#words, seq % CELLS) === word(seq, DONE) ? this.#ranMs[seq % CELLS]! : undefined;
  }

  /** monotonicMs() of its start; undefined if it has not started. */
  startedMs(seq: number): number | undefined {
    const state = Atomics.load(this.#words, seq % CELLS);
    return state === word(seq, STARTED) || state === word(seq, DONE) ? this.#startedMs[seq % CELLS]! : undefined;
  }

  #move(seq: number, from: number, to: number): boolean {
    const seen = word(seq, from);
    return Atomics.compareExchange(this.#words, seq % CELLS, seen, word(seq, to)) === seen;
  }
}

function word(seq: number, state: number): number {
  return (seq << 2) | state;
}
