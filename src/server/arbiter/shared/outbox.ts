/**
 * What waits to be sent to one instance: answers, and messages of channels, in one order.
 *
 * Invariants
 * - Answers are never dropped. `shared-connection.ts` takes no more requests while too much waits.
 * - A message that finds more than `maxBytes` waiting is dropped for this instance, and so is each one behind it until half of that
 *   has been sent. Then a `gap` for each channel says how many, in their place. If nothing waits, a message of any length is taken.
 * - Frames wait here and not in the socket, so a message that many instances wait for is one piece of memory.
 * - Whoever adds frames calls `flush` in the same turn. If some are left after it, the socket's `drain` is due.
 */

import type { Socket } from "node:net";
import { encodeAnswer, KIND, NO_TTL, NOTHING, STATUS } from "../../../shared/protocol.ts";

export interface OutboxOptions {
  readonly maxBytes?: number;
  /** A message was dropped. */
  readonly onDropped: () => void;
}

/** A copy that is blocked for a second gets all of 4,000 messages of 1 KiB in it. */
const MAX_BYTES = 4 * 2 ** 20;
/** A frame costs more than its bytes. */
const EACH_BYTES = 128;
/** They are copied into one piece, to be one write. */
const BATCH_BYTES = 2 ** 16;
/** Places of frames that were sent, before the array is cut. */
const SENT_KEPT = 1024;

export class Outbox {
  readonly #socket: Socket;
  readonly #maxBytes: number;
  readonly #onDropped: () => void;
  #frames: Buffer[] = [];
  #at = 0;
  #bytes = 0;
  /** By the channel's number. */
  readonly #lost = new Map<number, number>();

  constructor(socket: Socket, { maxBytes = MAX_BYTES, onDropped }: OutboxOptions) {
    this.#socket = socket;
    this.#maxBytes = maxBytes;
    this.#onDropped = onDropped;
    socket.on("drain", () => this.flush());
  }

  /** What waits, here and in the socket. */
  get bytes(): number {
    return this.#bytes + this.#socket.writableLength;
  }

  answer(frame: Buffer): void {
    this.#frames.push(frame);
    this.#bytes += costOf(frame);
  }

  /** False: it was dropped. */
  message(frame: Buffer, channel: number): boolean {
    const { bytes } = this;
    if (this.#lost.size > 0 || (bytes > 0 && bytes + costOf(frame) > this.#maxBytes)) {
      this.#lost.set(channel, (this.#lost.get(channel) ?? 0) + 1);
      this.#onDropped();
      return false;
    }
    this.answer(frame);
    return true;
  }

  /** The instance has left the channel. */
  forget(channel: number): void {
    this.#lost.delete(channel);
  }

  flush(): void {
    this.#write();
    if (this.#lost.size === 0 || this.bytes > this.#maxBytes / 2) return;
    for (const [channel, lost] of this.#lost) this.answer(gapOf(channel, lost));
    this.#lost.clear();
    this.#write();
  }

  #write(): void {
    while (this.#at < this.#frames.length && !this.#socket.writableNeedDrain) this.#socket.write(this.#take());
    if (this.#at < this.#frames.length && this.#at < SENT_KEPT) return;
    this.#frames = this.#frames.slice(this.#at);
    this.#at = 0;
  }

  #take(): Buffer {
    const from = this.#at;
    let bytes = 0;
    do {
      const frame = this.#frames[this.#at++]!;
      bytes += frame.length;
      this.#bytes -= costOf(frame);
    } while (this.#at < this.#frames.length && bytes + this.#frames[this.#at]!.length <= BATCH_BYTES);
    const batch = this.#frames.slice(from, this.#at);
    // Their memory is not kept until the array is cut.
    this.#frames.fill(NOTHING, from, this.#at);
    return batch.length === 1 ? batch[0]! : Buffer.concat(batch, bytes);
  }
}

function costOf(frame: Buffer): number {
  return frame.length + EACH_BYTES;
}

function gapOf(channel: number, lost: number): Buffer {
  const status = STATUS.gap;
  return encodeAnswer(0, { status, kind: KIND.none, ttlMs: NO_TTL, number: lost, version: channel, value: NOTHING });
}
