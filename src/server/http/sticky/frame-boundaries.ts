/**
 * Where the frames of a WebSocket end (RFC 6455 §5.2), in what its server sends: first the head of the handshake's answer, then
 * frames. Only lengths are read.
 */

const HEAD_END = "\r\n\r\n";
/** Opcode and length, eight bytes of a longer length, four of a mask. */
const MAX_FRAME_HEAD_BYTES = 14;

export class FrameBoundaries {
  /** The last bytes of the handshake's head. undefined: its end has come. */
  #head: string | undefined = "";
  /** Of the current frame's head. */
  readonly #begun = Buffer.alloc(MAX_FRAME_HEAD_BYTES);
  #begunBytes = 0;
  #left = 0;

  /** Whether a frame may follow what has come. Not before the handshake is answered. */
  get isBetween(): boolean {
    return this.#head === undefined && this.#begunBytes === 0 && this.#left === 0;
  }

  /** Where to stop: behind the first frame that ends in these bytes if `stops`, else behind all of them. */
  push(bytes: Uint8Array, stops: boolean): number {
    let at = 0;
    while (at < bytes.length) {
      if (this.#head !== undefined) this.#readHandshake(bytes[at++]!);
      else if (this.#left > 0) {
        const taken = Math.min(this.#left, bytes.length - at);
        this.#left -= taken;
        at += taken;
      } else this.#readFrameHead(bytes[at++]!);
      if (stops && this.isBetween) return at;
    }
    return at;
  }

  #readHandshake(byte: number): void {
    const head = (this.#head + String.fromCharCode(byte)).slice(-HEAD_END.length);
    this.#head = head === HEAD_END ? undefined : head;
  }

  #readFrameHead(byte: number): void {
    const begun = this.#begun;
    begun[this.#begunBytes++] = byte;
    if (this.#begunBytes < 2) return;
    const short = begun[1]! & 0x7f;
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    const maskBytes = begun[1]! >= 0x80 ? 4 : 0;
    if (this.#begunBytes < 2 + lengthBytes + maskBytes) return;
    if (lengthBytes === 8) this.#left = Number(begun.readBigUInt64BE(2));
    else this.#left = lengthBytes === 2 ? begun.readUInt16BE(2) : short;
    this.#begunBytes = 0;
  }
}
