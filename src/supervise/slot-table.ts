/**
 * Assigns the slots of a table in shared memory, such as the rows of a board. Pure: it knows numbers, not the memory.
 *
 * A slot is reused, each time with the next generation. If a thread still remembers a slot of a dead owner, the generation
 * tells that owner apart from its successor, wherever the memory stores it.
 *
 * Invariants
 * - A slot has one owner at a time. It is given out again only after it was freed, so never while its owner lives.
 * - Two owners of one slot have different generations, until those wrap at 2^32 (`wrapping.ts`).
 *
 * Which free slot is given out
 * - "lowest": the lowest one. So few slots are in use, and unneeded ones are at the end. Only where the memory distinguishes
 *   generations: the slot may be reused at once.
 * - "in turn": the next one after the last given out. A freed slot comes last, so a late writer has time until all others were
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
  /** The generation of each slot's first owner. Default: 0. */
  readonly firstGeneration?: number;
}

export class SlotTable {
  readonly size: number;
  /** Slots that have an owner. */
  used = 0;
  readonly #order: SlotTableOptions["order"];
  /** The generation of the owner, or of the next owner if the slot is free. */
  readonly #generations: Uint32Array;
  readonly #isTaken: Uint8Array;
  /** "lowest": no free slot is before it. "in turn": the slot after the last given out. */
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
      throw new RangeError(`slot ${slot}, generation ${generation}, has no owner that could free it`);
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
