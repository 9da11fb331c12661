/**
 * Who has which slot of a table in shared memory, such as a row of a board. Pure: it knows numbers, not the memory.
 *
 * A slot is used again and again, and each time it has the next generation. Who remembers a slot of somebody that is gone is told
 * apart from its successor by the generation, wherever the memory holds it.
 *
 * Invariants
 * - A slot has one owner at a time. It is given out again only after it was freed, so never while its owner lives.
 * - Two owners of one slot have different generations, until those wrap at 2^32 (`wrapping.ts`).
 *
 * Which free slot is given out
 * - "lowest": the lowest one, so that few slots are in use and those that nobody needs are at the end. Only where the memory tells
 *   generations apart: the slot may be used again at once.
 * - "in turn": the next one after the last given out. A freed slot comes last, so whoever is late has the time in which all others are
 *   used once.
 */

import { next } from "../kit/wrapping.ts";

export interface Seat {
  readonly slot: number;
  readonly generation: number;
}

export interface SlotTableOptions {
  readonly slots: number;
  readonly order: "lowest" | "in turn";
  /** Of each slot's first owner. Default: 0. */
  readonly firstGeneration?: number;
}

export class SlotTable {
  readonly size: number;
  /** Slots that have an owner. */
  used = 0;
  readonly #order: SlotTableOptions["order"];
  /** Of the owner, or of the next one if the slot is free. */
  readonly #generations: Uint32Array;
  readonly #isTaken: Uint8Array;
  /** No free slot is before it ("lowest"), or the one after the last given out ("in turn"). */
  #from = 0;

  constructor({ slots, order, firstGeneration = 0 }: SlotTableOptions) {
    this.size = slots;
    this.#order = order;
    this.#generations = new Uint32Array(slots).fill(firstGeneration);
    this.#isTaken = new Uint8Array(slots);
  }

  /** Undefined: all slots have an owner. */
  take(): Seat | undefined {
    if (this.used === this.size) return undefined;
    let slot = this.#from;
    while (this.#isTaken[slot] === 1) slot = (slot + 1) % this.size;
    this.#isTaken[slot] = 1;
    this.used++;
    this.#from = (slot + 1) % this.size;
    return { slot, generation: this.#generations[slot]! };
  }

  /** Its owner is gone. */
  free({ slot, generation }: Seat): void {
    if (!this.has({ slot, generation })) {
      throw new RangeError(`slot ${slot} in its generation ${generation} has no owner that could leave it`);
    }
    this.#isTaken[slot] = 0;
    this.#generations[slot] = next(generation);
    this.used--;
    if (this.#order === "lowest") this.#from = Math.min(this.#from, slot);
  }

  /** Whether it has this owner now. */
  has({ slot, generation }: Seat): boolean {
    return this.#isTaken[slot] === 1 && this.#generations[slot] === generation;
  }
}
