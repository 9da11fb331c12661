/**
 * This thread's end of the way to one thread of another worker: a stream of messages in each direction, through the arbiter.
 *
 * Invariants
 * - Messages arrive in the order of posting. None is lost, unless one of the two workers ends.
 * - At most WINDOW_BYTES are on their way. The other side gives credit for what it has read. So what the arbiter keeps for a worker that
 *   stands still has a limit, and one pair of threads does not hold up another.
 * - What cannot be sent yet waits here, at the sender. When it is more than MAX_UNSENT_BYTES, `isFull`: what a program sends is
 *   refused. What the library itself says (exits, replies, names) is always taken, because it must arrive.
 */

import { FrameReader } from "../../kit/bytes/frame-reader.ts";
import { messageFromBytes, MAX_MESSAGE_BYTES } from "./message-bytes.ts";
import { encodeCredit, encodeFrame, KIND, PIECE_BYTES, WINDOW_BYTES } from "./protocol.ts";

/** What waits at the sender for one thread of another worker. */
export const MAX_UNSENT_BYTES: number = 16 * 2 ** 20;
/** Credit is given for so much at once. */
const CREDIT_BYTES = WINDOW_BYTES / 4;
/** Places of messages that were sent, before the array is cut. */
const SENT_KEPT = 1024;

const NOTHING = Buffer.alloc(0);

export interface FarLinkOptions {
  readonly self: number;
  /** The other thread. */
  readonly thread: number;
  /** Takes a frame for the arbiter. */
  readonly send: (frame: Buffer) => void;
  readonly received: (message: unknown) => void;
}

export class FarLink {
  readonly #options: FarLinkOptions;
  readonly #reader = new FrameReader(MAX_MESSAGE_BYTES + 4);
  #messages: Buffer[] = [];
  /** The first that was not sent, and how much of it was. */
  #at = 0;
  #sentOfFirst = 0;
  #unsentBytes = 0;
  #credit = WINDOW_BYTES;
  #uncredited = 0;

  constructor(options: FarLinkOptions) {
    this.#options = options;
  }

  get isFull(): boolean {
    return this.#unsentBytes > MAX_UNSENT_BYTES;
  }

  /** It leaves with `flush`. The bytes must not change any more. */
  post(message: Buffer): void {
    this.#messages.push(message);
    this.#unsentBytes += message.length;
  }

  flush(): void {
    const { self, thread, send } = this.#options;
    while (this.#unsentBytes > 0 && this.#credit > 0) {
      const piece = this.#take(Math.min(PIECE_BYTES, this.#credit, this.#unsentBytes));
      this.#credit -= piece.length;
      this.#unsentBytes -= piece.length;
      send(encodeFrame(KIND.data, thread, self, piece));
    }
  }

  /** The other side has read so much. */
  credited(bytes: number): void {
    this.#credit += bytes;
    this.flush();
  }

  receive(piece: Buffer): void {
    const { self, thread, send, received } = this.#options;
    this.#reader.push(piece);
    for (let bytes = this.#reader.next(); bytes !== undefined; bytes = this.#reader.next()) {
      // Longer ones are not sent.
      if (bytes !== "too-large") received(messageFromBytes(bytes));
    }
    this.#uncredited += piece.length;
    if (this.#uncredited < CREDIT_BYTES) return;
    send(encodeCredit(thread, self, this.#uncredited));
    this.#uncredited = 0;
  }

  /** So many bytes of what waits. */
  #take(bytes: number): Buffer {
    const parts: Buffer[] = [];
    for (let left = bytes; left > 0; ) {
      const first = this.#messages[this.#at]!;
      const part = first.subarray(this.#sentOfFirst, this.#sentOfFirst + left);
      parts.push(part);
      left -= part.length;
      this.#sentOfFirst += part.length;
      if (this.#sentOfFirst < first.length) break;
      this.#messages[this.#at++] = NOTHING;
      this.#sentOfFirst = 0;
    }
    if (this.#at === this.#messages.length || this.#at > SENT_KEPT) {
      this.#messages = this.#messages.slice(this.#at);
      this.#at = 0;
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts, bytes);
  }
}
