/**
 * A receive of another thread, at the channel's home. It packs a value before it takes it. If the value can't be copied,
 * nothing has happened yet: the value stays in the buffer, or its sender, who was not told "sent", gets the error.
 */

import { HeddleError } from "../../errors/errors.ts";
import { pack, type Packed, unpack } from "../../runtime/copy/message-packing.ts";
import type { Transferable } from "node:worker_threads";
import { Waiter } from "../waiter.ts";
import type { Received } from "./channel-core.ts";
import { movesOf } from "./moves.ts";

export interface PackedValue extends Packed {
  readonly transfer: readonly Transferable[];
}

export class FarReceiver extends Waiter {
  /** A select's case gets [value, ok]. */
  readonly #isCase: boolean;
  #prepared: PackedValue | undefined;

  constructor(isCase: boolean) {
    super();
    this.#isCase = isCase;
  }

  /** @throws HeddleError NOT_CLONEABLE */
  prepare(value: unknown): void {
    this.forget();
    this.#prepared = this.#pack({ value, ok: true });
  }

  /** The prepared value was not taken. */
  forget(): undefined {
    if (this.#prepared === undefined) return;
    const { value, markers, transfer } = this.#prepared;
    this.#prepared = undefined;
    // References go back home. What would be transferred is the sender's own.
    if (markers !== undefined && transfer.length === 0) unpack(value, markers);
  }

  /** What it has received, as it is sent. */
  packed(received: Received<unknown>): PackedValue {
    const prepared = received.ok ? this.#prepared : this.forget();
    this.#prepared = undefined;
    return prepared ?? this.#pack(received);
  }

  #pack({ value, ok }: Received<unknown>): PackedValue {
    const transfer = ok ? movesOf(value) : [];
    for (const each of transfer) {
      if (each instanceof ArrayBuffer && each.detached)
        throw new HeddleError(
          "NOT_CLONEABLE",
          "the transfer list of a message has a buffer that was transferred before",
        );
    }
    return { ...pack(this.#isCase ? [value, ok] : value, transfer), transfer };
  }
}
