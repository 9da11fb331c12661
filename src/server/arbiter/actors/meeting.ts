/**
 * Where the workers of one generation meet: the frames of their actors are passed on here, and names are given out. Each generation has
 * its own. Nothing passes between two of them: they may run different code, and a worker that replaces another one must be able to
 * take the names that its code takes.
 *
 * Invariants
 * - Frames of a worker are handled in their order. So a name that it has released is free before anything that it has sent later
 *   reaches another worker.
 * - A name has one registration. Its number is never used again, and a later one is larger.
 * - If a name seems taken, its holder's connection is asked whether it has said more: the news that it is free may be on its way.
 * - A worker that ends gives all of its names back, and then the others are told.
 * - What is kept for a worker that does not read is bounded by those that send to it (actors/across/protocol.ts, WINDOW_BYTES).
 */

import { encodeFrame, KIND } from "../../../actors/across/protocol.ts";

/** A worker's connection. */
export interface Guest {
  readonly worker: number;
  /** Frames that are sent with the next flush. */
  add(frame: Buffer): void;
  flush(): void;
}

interface Registration {
  readonly number: number;
  readonly holder: Guest;
}

/** A claim of a name that somebody has, until its holder has been asked. */
interface Doubt {
  readonly name: string;
  readonly claimant: Guest;
  readonly claim: number;
  readonly held: Registration;
}

/** Of the whole server: a number says nothing about the generation. */
let lastNumber = 0;

export class Meeting {
  readonly #guests = new Map<number, Guest>();
  readonly #names = new Map<string, Registration>();
  readonly #doubts = new Map<number, Doubt>();
  readonly #unflushed = new Set<Guest>();
  #lastDoubt = 0;

  get size(): number {
    return this.#guests.size;
  }

  get names(): number {
    return this.#names.size;
  }

  has(worker: number): boolean {
    return this.#guests.has(worker);
  }

  join(guest: Guest): void {
    this.#tell(guest, encodeFrame(KIND.welcome));
    for (const other of this.#guests.values()) {
      this.#tell(other, encodeFrame(KIND.added, guest.worker));
      this.#tell(guest, encodeFrame(KIND.added, other.worker));
    }
    this.#guests.set(guest.worker, guest);
  }

  leave(guest: Guest): void {
    if (!this.#guests.delete(guest.worker)) return;
    this.#unflushed.delete(guest);
    for (const [name, { holder }] of this.#names) if (holder === guest) this.#names.delete(name);
    for (const other of this.#guests.values()) this.#tell(other, encodeFrame(KIND.gone, guest.worker));
    for (const [number, { claimant, held }] of this.#doubts) {
      if (claimant === guest) this.#doubts.delete(number);
      else if (held.holder === guest) this.checked(number);
    }
  }

  /** A frame for a thread of that worker. */
  pass(from: Guest, worker: number, frame: Buffer): void {
    const to = this.#guests.get(worker);
    if (to !== undefined) this.#tell(to, frame);
    else this.#tell(from, encodeFrame(KIND.gone, worker));
  }

  claim(claimant: Guest, claim: number, name: string): void {
    const held = this.#names.get(name);
    if (held === undefined) return this.#give(claimant, claim, name);
    this.#doubts.set(++this.#lastDoubt, { name, claimant, claim, held });
    this.#tell(held.holder, encodeFrame(KIND.check, this.#lastDoubt));
  }

  /** Its holder has said all that it had to say. */
  checked(doubt: number): void {
    const doubted = this.#doubts.get(doubt);
    if (doubted === undefined) return;
    this.#doubts.delete(doubt);
    const { name, claimant, claim } = doubted;
    if (this.#names.has(name)) this.#tell(claimant, encodeFrame(KIND.claimed, claim, 0));
    else this.#give(claimant, claim, name);
  }

  release(guest: Guest, number: number, name: string): void {
    const held = this.#names.get(name);
    if (held?.holder === guest && held.number === number) this.#names.delete(name);
  }

  flush(): void {
    for (const guest of this.#unflushed) guest.flush();
    this.#unflushed.clear();
  }

  #give(claimant: Guest, claim: number, name: string): void {
    const number = ++lastNumber;
    this.#names.set(name, { number, holder: claimant });
    this.#tell(claimant, encodeFrame(KIND.claimed, claim, number));
  }

  #tell(guest: Guest, frame: Buffer): void {
    guest.add(frame);
    this.#unflushed.add(guest);
  }
}
