/**
 * A hierarchical timer wheel: many deadlines, set and cleared in constant time whatever their durations are. A cleared deadline
 * costs nothing. Pure: ticks are numbers, and the caller reads the clock (actors/messaging/deadlines.ts).
 *
 * A tick is a whole number, here a millisecond. Level 0 has a slot for each of the 64 ticks of the current tick's block. Level
 * 1 has a slot for each of the 64 blocks of the block above, and so on. A deadline is at the level of the highest digit (base
 * 64) in which its tick differs from the current one. When the current tick reaches the beginning of a slot, the slot's
 * deadlines expire or move to a lower level: each moves at most LEVELS times.
 *
 * Invariants
 * - Every slot in use begins after the current tick.
 * - A slot of a lower level begins before any slot of a higher one, and of two slots in a level the lower index is earlier.
 * - `earliestTick` is never later than the first slot in use. It may be earlier: clearing a deadline does not raise it.
 * - Deadlines of one duration expire in the order in which they were set.
 *
 * Rejected: a list for each duration, with a timer for each list. It is as fast for one duration, but computed durations
 * (`deadline - now`) are all different: each left a list and a timer behind until its time had come.
 * Rejected: a heap. Clearing a deadline costs a search or leaves it behind, and nearly all are cleared.
 */

/** Deadlines are linked through themselves, so setting one allocates nothing. */
export interface Deadline {
  /** When it is due. Set by the wheel. */
  dueTick: number;
  /** Its neighbours in its slot. Set by the wheel. `undefined` while it is in no wheel. */
  previousDue: Deadline | undefined;
  nextDue: Deadline | undefined;
  /** It is due. Must not throw. */
  expire(): void;
}

/** The head of a slot's ring. It links to itself when the slot is empty. */
class Slot implements Deadline {
  dueTick: number = 0;
  previousDue: Deadline = this;
  nextDue: Deadline = this;
  expire(): void {}
}

/** log2 of the slots in a level. */
const DIGIT = 6;
const SLOTS = 2 ** DIGIT;
/** 64^8 milliseconds are 8,900 years. */
const LEVELS = 8;
/** The longest duration from the current tick. A longer one counts as for ever. */
const MAX_TICKS = SLOTS ** LEVELS / 2;
/** Below this, integer operations can compute a tick's digits: 24.8 days. */
const INTEGERS = 2 ** 31;

export class TimerWheel {
  /** The number of deadlines in it. */
  size: number = 0;
  /** No work is due before this tick. Infinity: none at all. */
  earliestTick: number = Infinity;
  /** All deadlines due at this tick or before have expired. */
  tick: number;
  /** The levels, lowest first. Each is made on first use. */
  readonly #slots: (Slot | undefined)[] = Array.from({ length: LEVELS * SLOTS }, () => undefined);

  constructor(tick: number = 0) {
    this.tick = tick;
  }

  /**
   * Continues from another tick, without expiring anything: an empty wheel need not be advanced. Deadlines in the wheel move
   * along, so they are due as much later or earlier. Not while deadlines expire: the slot that is emptied would be filled again.
   */
  moveTo(tick: number): void {
    const moved = this.#slots.flatMap((slot) => (slot === undefined ? [] : [...inSlot(slot)]));
    for (const deadline of moved) this.remove(deadline);
    const byTicks = tick - this.tick;
    this.tick = tick;
    this.earliestTick = Infinity;
    for (const deadline of moved) this.add(deadline, deadline.dueTick + byTicks);
  }

  /** A tick that has passed counts as the next one. The deadline must be in no wheel. */
  add(deadline: Deadline, dueTick: number): void {
    deadline.dueTick = dueTick > this.tick ? dueTick : this.tick + 1;
    this.#place(deadline);
  }

  /** False: it has expired, or was already removed. */
  remove(deadline: Deadline): boolean {
    const { previousDue, nextDue } = deadline;
    if (nextDue === undefined) return false;
    previousDue!.nextDue = nextDue;
    nextDue.previousDue = previousDue;
    deadline.previousDue = deadline.nextDue = undefined;
    this.size -= 1;
    return true;
  }

  /**
   * Expires all deadlines that are due at this tick or before, in the order of the ticks. Searches the slots for the first one
   * in use, so call it when a timer fires, not at each operation.
   */
  advance(toTick: number): void {
    for (;;) {
      const index = this.#slots.findIndex((slot) => slot !== undefined && slot.nextDue !== slot);
      this.earliestTick = index === -1 ? Infinity : this.#startOf(index);
      if (this.earliestTick > toTick) break;
      this.tick = this.earliestTick;
      this.#empty(this.#slots[index]!);
    }
    this.tick = Math.max(this.tick, toTick);
  }

  #empty(slot: Slot): void {
    for (let deadline = slot.nextDue; deadline !== slot; deadline = slot.nextDue) {
      this.remove(deadline);
      if (deadline.dueTick <= this.tick) deadline.expire();
      else this.#place(deadline);
    }
  }

  /** Appends it to its slot. Its tick is later than the current one. */
  #place(deadline: Deadline): void {
    const { dueTick } = deadline;
    if (dueTick >= INTEGERS) return this.#placeLate(deadline);
    const differs = dueTick ^ this.tick;
    let firstSlot = 0;
    let shift = 0;
    for (; differs >> shift >= SLOTS; shift += DIGIT) firstSlot += SLOTS;
    const digits = dueTick >> shift;
    this.#link(deadline, firstSlot + (digits & (SLOTS - 1)), digits << shift);
  }

  /** The same for ticks that are not 32-bit integers. */
  #placeLate(deadline: Deadline): void {
    deadline.dueTick = Math.min(deadline.dueTick, this.tick + MAX_TICKS);
    const { dueTick } = deadline;
    let firstSlot = 0;
    let span = 1;
    for (; Math.floor(dueTick / (span * SLOTS)) !== Math.floor(this.tick / (span * SLOTS)); span *= SLOTS) {
      firstSlot += SLOTS;
    }
    const digits = Math.floor(dueTick / span);
    this.#link(deadline, firstSlot + (digits % SLOTS), digits * span);
  }

  #link(deadline: Deadline, index: number, startTick: number): void {
    const slot = (this.#slots[index] ??= new Slot());
    const { previousDue } = slot;
    deadline.previousDue = previousDue;
    deadline.nextDue = slot;
    previousDue.nextDue = slot.previousDue = deadline;
    this.size += 1;
    if (startTick < this.earliestTick) this.earliestTick = startTick;
  }

  /** The tick at which a slot in use begins. */
  #startOf(index: number): number {
    const span = SLOTS ** Math.floor(index / SLOTS);
    const blockTicks = span * SLOTS;
    return Math.floor(this.tick / blockTicks) * blockTicks + (index % SLOTS) * span;
  }
}

function* inSlot(slot: Slot): Generator<Deadline> {
  for (let deadline = slot.nextDue; deadline !== slot; deadline = deadline.nextDue!) yield deadline;
}
