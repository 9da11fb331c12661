/**
 * Where the workers of one generation meet: the frames of their actors are passed on here, and names are given out. Each generation has
 * its own. Nothing passes between two of them: they may run different code, and the new workers must be able to take the names that
 * their code takes.
 *
 * A worker that is replaced within its generation (`--max-requests`, an uncaught exception) serves until its replacement does. So the
 * replacement may claim what it holds: that registration waits behind the holder's, and its worker tells nobody else of it. When
 * the holder's is released, the next one holds the name, and its worker tells all. But not while its worker boots: then the name is
 * kept for the one that had it, whose actor may have crashed and be started again. A boot may fail.
 *
 * Invariants
 * - Frames of a worker are handled in their order. So a name that it has released is free before anything that it has sent later
 *   reaches another worker.
 * - A name has one holder, and behind it only registrations of workers (or threads, as their worker says) that replace the one before.
 * - The number of a registration is never used again, and a later one is larger.
 * - If a name seems taken, its holder's connection is asked whether it has said more: the news that it is free may be on its way.
 * - A worker that ends gives all of its names back, and then the others are told. Who has waited for one is told after that.
 * - What is kept for a worker that does not read is bounded by those that send to it (actors/across/protocol.ts, WINDOW_BYTES).
 */

import { encodeFrame, KIND, MAY } from "../../../actors/across/protocol.ts";

/** A worker's connection. */
export interface Guest {
  readonly worker: number;
  /** Its place in the generation. A worker replaces those of the same place that have smaller numbers. */
  readonly slot: number;
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
  readonly may: number;
  readonly held: Registration;
}

/** Of the whole server: a number says nothing about the generation. */
let lastNumber = 0;

export class Meeting {
  readonly #guests = new Map<number, Guest>();
  /** The holder of each name, and those that wait for it, in their order. Never empty. */
  readonly #names = new Map<string, Registration[]>();
  /** Names that were given back while the next one's worker boots: the registration of whom may take them again. */
  readonly #kept = new Map<string, Registration>();
  /** Workers that have booted. */
  readonly #booted = new Set<number>();
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
    for (const other of this.#guests.values()) this.#tell(other, encodeFrame(KIND.gone, guest.worker));
    this.#booted.delete(guest.worker);
    for (const name of this.#names.keys()) this.#remove(name, ({ holder }) => holder === guest, false);
    this.#passOn((_next, { holder }) => holder === guest);
    for (const [number, { claimant, held }] of this.#doubts) {
      if (claimant === guest) this.#doubts.delete(number);
      else if (held.holder === guest) this.checked(number);
    }
  }

  /** The app of this worker is started. */
  booted(worker: number): void {
    this.#booted.add(worker);
    this.#passOn((next) => next.holder.worker === worker);
  }

  /** A frame for a thread of that worker. */
  pass(from: Guest, worker: number, frame: Buffer): void {
    const to = this.#guests.get(worker);
    if (to !== undefined) this.#tell(to, frame);
    else this.#tell(from, encodeFrame(KIND.gone, worker));
  }

  /** `may`: bits of MAY. */
  claim(claimant: Guest, claim: number, name: string, may: number): void {
    if (this.#give(claimant, claim, name, may)) return;
    const [held] = this.#names.get(name)!;
    this.#doubts.set(++this.#lastDoubt, { name, claimant, claim, may, held: held! });
    this.#tell(held!.holder, encodeFrame(KIND.check, this.#lastDoubt));
  }

  /** Its holder has said all that it had to say. */
  checked(doubt: number): void {
    const doubted = this.#doubts.get(doubt);
    if (doubted === undefined) return;
    this.#doubts.delete(doubt);
    const { name, claimant, claim, may } = doubted;
    if (!this.#give(claimant, claim, name, may)) this.#tell(claimant, encodeFrame(KIND.claimed, claim, 0));
  }

  release(guest: Guest, number: number, name: string): void {
    this.#remove(name, (each) => each.holder === guest && each.number === number, true);
  }

  flush(): void {
    for (const guest of this.#unflushed) guest.flush();
    this.#unflushed.clear();
  }

  /** False: the name is taken. */
  #give(claimant: Guest, claim: number, name: string, may: number): boolean {
    const before = this.#names.get(name) ?? [];
    const kept = this.#kept.get(name);
    if (kept?.holder === claimant) return this.#giveAgain(kept, claim, name, before);
    const last = before.at(-1);
    if (last !== undefined && !mayFollow(claimant, last.holder, may)) return false;
    const number = ++lastNumber;
    this.#names.set(name, [...before, { number, holder: claimant }]);
    this.#tell(claimant, encodeFrame(KIND.claimed, claim, number, undefined, last === undefined ? 0 : 1));
    return true;
  }

  /**
   * Before those that wait. A thread takes the registration with the largest number, so the new number is below theirs, and above that of
   * the registration before. There are some forty such numbers: a supervisor gives up earlier.
   */
  #giveAgain({ number: above, holder }: Registration, claim: number, name: string, waiting: Registration[]): boolean {
    const below = waiting[0]!.number;
    const number = (above + below) / 2;
    if (number === above || number === below) return false;
    this.#kept.delete(name);
    this.#names.set(name, [{ number, holder }, ...waiting]);
    this.#tell(holder, encodeFrame(KIND.claimed, claim, number));
    return true;
  }

  /** If the holder is among them, the next one holds the name. `mayTakeBack`: who gives it back goes on. */
  #remove(name: string, isGone: (registration: Registration) => boolean, mayTakeBack: boolean): void {
    const before = this.#names.get(name) ?? [];
    const left = before.filter((registration) => !isGone(registration));
    const [next] = left;
    if (next === undefined) {
      this.#names.delete(name);
      this.#kept.delete(name);
      return;
    }
    this.#names.set(name, left);
    const gone = before[0]!;
    if (next === gone || this.#kept.has(name)) return;
    if (mayTakeBack && next.holder !== gone.holder && !this.#booted.has(next.holder.worker)) this.#kept.set(name, gone);
    else this.#promote(name, next);
  }

  /** Of the names that are kept for somebody. */
  #passOn(isFree: (next: Registration, kept: Registration) => boolean): void {
    for (const [name, kept] of this.#kept) {
      const [next] = this.#names.get(name)!;
      if (!isFree(next!, kept)) continue;
      this.#kept.delete(name);
      this.#promote(name, next!);
    }
  }

  #promote(name: string, { number, holder }: Registration): void {
    this.#tell(holder, encodeFrame(KIND.promoted, number, 0, Buffer.from(name)));
  }

  #tell(guest: Guest, frame: Buffer): void {
    guest.add(frame);
    this.#unflushed.add(guest);
  }
}

function mayFollow(claimant: Guest, last: Guest, may: number): boolean {
  if (claimant === last) return (may & MAY.followOwn) !== 0;
  return (may & MAY.followReplaced) !== 0 && claimant.slot === last.slot && claimant.worker > last.worker;
}
