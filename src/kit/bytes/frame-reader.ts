/**
 * Cuts a stream of bytes into frames. A frame that lies in one chunk is a view of it. Of one that comes in several, its bytes are
 * copied into a buffer of its length: however small the chunks are, no more is kept than the frame will have.
 *
 * A frame that is too long ends the stream, or is skipped (`skipLong`): then only its beginning is kept.
 */

const LENGTH_BYTES = 4;

export class FrameReader {
  readonly #maxBytes: number;
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;
  /** The frame, or its length, of which `#filled` bytes have come. */
  #partial: Buffer | undefined;
  #filled = 0;
  /** The beginning of the last frame that was skipped. */
  head: Buffer | undefined;
  #headBytes = 0;
  #headFilled = 0;
  #toSkip = 0;

  /** `maxBytes`: of a whole frame. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** From now on frames that are too long are skipped, but for their first bytes (`head`). `next` says so when that is done. */
  skipLong(headBytes: number): void {
    this.#headBytes = headBytes;
  }

  /** Only when `next` has found nothing more. */
  push(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** The next complete frame, with its length. `too-large`: the other side claims a longer one than there may be. */
  next(): Buffer | "too-large" | undefined {
    while (this.#at < this.#chunk.length) {
      const found =
        this.#toSkip > 0 ? this.#skip() : this.#partial === undefined ? this.#cut() : this.#fill(this.#partial);
      if (found !== undefined) return found;
    }
    this.#chunk = Buffer.alloc(0);
    this.#at = 0;
    return undefined;
  }

  #cut(): Buffer | "too-large" | undefined {
    const left = this.#chunk.length - this.#at;
    const bytes = left < LENGTH_BYTES ? LENGTH_BYTES : frameBytes(this.#chunk, this.#at);
    if (bytes > this.#maxBytes) return this.#tooLong(bytes);
    if (left >= bytes) return this.#chunk.subarray(this.#at, (this.#at += bytes));
    this.#partial = Buffer.allocUnsafe(bytes);
    this.#filled = 0;
    return undefined;
  }

  /** `read`: of it, before the chunk. */
  #tooLong(bytes: number, read: Buffer = Buffer.alloc(0)): "too-large" | undefined {
    if (this.#headBytes === 0) return "too-large";
    this.#partial = undefined;
    this.head = Buffer.alloc(this.#headBytes);
    this.#headFilled = read.copy(this.head);
    this.#toSkip = bytes - read.length;
    return undefined;
  }

  #skip(): "too-large" | undefined {
    this.#headFilled += this.#chunk.copy(this.head!, this.#headFilled, this.#at);
    const skipped = Math.min(this.#toSkip, this.#chunk.length - this.#at);
    this.#at += skipped;
    this.#toSkip -= skipped;
    return this.#toSkip === 0 ? "too-large" : undefined;
  }

  #fill(partial: Buffer): Buffer | "too-large" | undefined {
    const copied = this.#chunk.copy(partial, this.#filled, this.#at);
    this.#at += copied;
    this.#filled += copied;
    if (this.#filled < partial.length) return undefined;
    const bytes = frameBytes(partial, 0);
    if (bytes > this.#maxBytes) return this.#tooLong(bytes, partial);
    if (bytes === partial.length) {
      this.#partial = undefined;
      return partial;
    }
    // It was the length.
    this.#partial = Buffer.allocUnsafe(bytes);
    partial.copy(this.#partial);
    return undefined;
  }
}

function frameBytes(buffer: Buffer, at: number): number {
  return LENGTH_BYTES + buffer.readUInt32LE(at);
}
