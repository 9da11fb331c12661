/**
 * Select across threads: exactly one case happens, though its channels are homed on several threads that do not wait for each
 * other. Each select has a cell in memory they share, and who makes a case happen must take the cell first:
 *
 *   open ──▶ taken            one atomic step: a partner that is no select, a timeout, `otherwise`
 *   open ──▶ held ──▶ taken   two selects meet: both cells, or neither
 *              └────▶ open
 *
 * Two selects that meet are won in the order of their cells: hold the lower one, take the higher one, take the lower one. If the
 * higher one was taken by others, the lower one is opened again, and its select waits on. Whoever finds a cell held
 * waits, on the spot: it is held for a few instructions, and never while its holder waits for a lower one, so there is no circle.
 *
 * Invariants
 * - A cell is taken at most once. Who takes it lets the case happen and tells the select; nobody else touches the value.
 * - A cell is used again with another generation, so that a waiter left behind in some queue can't take it.
 * - Who died while it held a cell, for which it must be terminated between two instructions, has told nobody: after HELD_MS the
 *   cell counts as open.
 *
 * Rejected: asking the select's thread who wins (two messages for each value, and two selects that face each other would
 * each wait for the other's answer); a coordinator thread (everything twice as far).
 */

import { perThread } from "../../kit/per-thread.ts";

const OPEN = 0;
const HELD = 1;
const TAKEN = 2;

/** Selects across threads that one thread may have waiting at once, before it makes more room. */
const CELLS = 1024;

/** Nobody who is alive holds a cell for a thousandth of this. */
const HELD_MS = 1000;

/** Where a claim is, for other threads. Its buffer is sent once, before the first of them. */
export type ClaimAddress = readonly [owner: number, index: number, generation: number];

export class Claim {
  readonly address: ClaimAddress;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #index: number;

  constructor(words: Int32Array<SharedArrayBuffer>, address: ClaimAddress) {
    this.#words = words;
    this.address = address;
    this.#index = address[1];
  }

  /** Wins it. False: somebody else has. */
  take(): boolean {
    return this.#move(OPEN, TAKEN);
  }

  /** Wins both, or neither: then it says which of the two had been won by others. */
  takeWith(other: Claim): "first" | "second" | undefined {
    const isLower = compare(this.address, other.address) < 0;
    const [lower, higher] = isLower ? [this, other] : [other, this];
    if (!lower.#move(OPEN, HELD)) return isLower ? "first" : "second";
    if (!higher.#move(OPEN, TAKEN)) {
      lower.#move(HELD, OPEN);
      return isLower ? "second" : "first";
    }
    lower.#move(HELD, TAKEN);
    return undefined;
  }

  #move(from: number, to: number): boolean {
    const expected = this.#word(from);
    let heldSinceMs: number | undefined;
    for (;;) {
      const seen = Atomics.compareExchange(this.#words, this.#index, expected, this.#word(to));
      if (seen === expected) return true;
      if (from !== OPEN || seen !== this.#word(HELD)) return false;
      heldSinceMs ??= performance.now();
      if (performance.now() - heldSinceMs > HELD_MS) {
        Atomics.compareExchange(this.#words, this.#index, this.#word(HELD), expected);
      }
    }
  }

  #word(state: number): number {
    return (this.address[2] << 2) | state;
  }
}

function compare(a: ClaimAddress, b: ClaimAddress): number {
  return a[0] - b[0] || a[1] - b[1];
}

/** The cells of this thread's selects. */
export class ClaimTable {
  readonly #owner: number;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #free: number[];

  constructor(owner: number, cells: number = CELLS) {
    this.#owner = owner;
    // Reserved, not used: memory is touched as it is needed.
    this.#words = new Int32Array(new SharedArrayBuffer(cells * 4, { maxByteLength: MAX_CELLS * 4 }));
    this.#free = Array.from({ length: cells }, (_, index) => cells - 1 - index);
  }

  get buffer(): SharedArrayBuffer {
    return this.#words.buffer;
  }

  /** An open claim. Undefined: there are too many already. */
  open(): Claim | undefined {
    if (this.#free.length === 0 && !this.#grow()) return undefined;
    const index = this.#free.pop()!;
    const generation = ((Atomics.load(this.#words, index) >> 2) + 1) & GENERATIONS;
    Atomics.store(this.#words, index, generation << 2);
    return new Claim(this.#words, [this.#owner, index, generation]);
  }

  /** The select is over. */
  close(claim: Claim): void {
    this.#free.push(claim.address[1]);
  }

  #grow(): boolean {
    const before = this.#words.length;
    if (before >= MAX_CELLS) return false;
    this.#words.buffer.grow(before * 2 * 4);
    for (let index = before; index < before * 2; index++) this.#free.push(index);
    return true;
  }
}

/** A million selects that wait across threads. */
const MAX_CELLS = 1 << 20;
const GENERATIONS = 0x0fffffff;

/** The cells of other threads, as far as they were sent. */
const foreign: Map<number, Int32Array<SharedArrayBuffer>> = perThread("claims", () => new Map());

export function learnClaims(owner: number, buffer: SharedArrayBuffer): void {
  foreign.set(owner, new Int32Array(buffer));
}

export function forgetClaims(owner: number): void {
  foreign.delete(owner);
}

/** Another thread's claim. */
export function claimAt(address: ClaimAddress): Claim {
  const words = foreign.get(address[0]);
  if (words === undefined) throw new Error(`the claims of thread ${address[0]} are not known here`);
  return new Claim(words, address);
}
