/**
 * The complete responses of one link in shared memory: what most handlers have to say, without a message for each.
 *
 * The handler thread puts a response down and announces it only when nothing is announced; the serving thread takes all that
 * lie there when it hears of it, or of anything else. A message costs either thread as much as a short handler does.
 *
 *   [HEAD TAIL ANNOUNCED SAID] [length seq said status|flags  bytes …] [length …] …      length WRAPPED: goes on at the start
 *
 * Invariants
 * - One thread puts, one takes, in this order. A response is seen whole or not at all, also if its writer dies meanwhile.
 * - Nothing overtakes: each response says how many messages were posted on the link before it, and is not taken earlier.
 * - What does not fit goes as a message.
 *
 * Memory
 * - HEAD is written by the handler thread, TAIL by the serving thread: places in bytes from 0 to the size of the ring, always
 *   a multiple of 4, which start again at 0 with the ring. Equal means empty, so at least one word stays free.
 * - SAID is written by the handler thread: messages posted so far. `seq` and `said` of a response are numbers of jobs and
 *   messages. All three wrap at 2^32 (`wrapping.ts`); every word here is read unsigned.
 * - ANNOUNCED is set to 1 by the handler thread, after HEAD, and to 0 by the serving thread, before it takes. So none is left: a
 *   response put down before the 0 is taken now, and one put down after it is announced again.
 * - The handler thread dies: what stands behind HEAD is not seen, what stands before it is taken when the serving thread hears of
 *   the death (`handler-link.ts`), also if it was not announced. Nothing of this memory is used again. A serving thread that dies leaves
 *   a ring that fills up; its handler thread posts into a closed port then.
 */

import { isAfter } from "../../../../kit/wrapping.ts";
import type { FromHandler, Part } from "./offload-protocol.ts";

export type WholeResponse = FromHandler & { type: "write" };

const HEAD = 0;
const TAIL = 1;
const ANNOUNCED = 2;
const SAID = 3;
const PREFIX_BYTES = 16;

const RING_BYTES = 32 * 1024;
/** Copying costs more than a message from about here, and several others have to fit. */
const MOST_BYTES = 8 * 1024;
const RECORD_HEAD_BYTES = 16;
/** No response is that long. */
const WRAPPED = 0xffffffff;

const KEEPS_ALIVE = 1;
const STATUS_SHIFT = 1;

export class ResponseRing {
  readonly #state: Uint32Array<SharedArrayBuffer>;
  readonly #words: Uint32Array<SharedArrayBuffer>;
  readonly #bytes: Buffer<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer) {
    const bytes = memory.byteLength - PREFIX_BYTES;
    this.#state = new Uint32Array(memory, 0, PREFIX_BYTES / 4);
    this.#words = new Uint32Array(memory, PREFIX_BYTES, bytes / 4);
    this.#bytes = Buffer.from(memory, PREFIX_BYTES, bytes);
  }

  static create(ringBytes: number = RING_BYTES): SharedArrayBuffer {
    return new SharedArrayBuffer(PREFIX_BYTES + ringBytes);
  }

  /** Handler: false if it is too large or there is no room now. `said`: messages posted before it. */
  put(response: WholeResponse, said: number): boolean {
    const mostBytes = atMost(response);
    if (mostBytes > MOST_BYTES) return false;
    const at = this.#roomFor(RECORD_HEAD_BYTES + aligned(mostBytes));
    if (at === undefined) return false;
    const start = at + RECORD_HEAD_BYTES;
    let end = start;
    for (const part of response.parts) end += this.#copy(part, response.encoding, end);
    const words = this.#words;
    const word = at / 4;
    words[word] = end - start;
    words[word + 1] = response.seq;
    words[word + 2] = said;
    words[word + 3] = (response.status << STATUS_SHIFT) | (response.keepsAlive ? KEEPS_ALIVE : 0);
    Atomics.store(this.#state, HEAD, aligned(end));
    return true;
  }

  /** Handler: true if the serving thread has to be told that something lies here. */
  announce(): boolean {
    return Atomics.exchange(this.#state, ANNOUNCED, 1) === 0;
  }

  /** Handler: whether the serving thread was told and has not looked yet. */
  get isAnnounced(): boolean {
    return Atomics.load(this.#state, ANNOUNCED) === 1;
  }

  /** Handler: so many messages were posted by now. */
  said(count: number): void {
    Atomics.store(this.#state, SAID, count);
  }

  /** Server: `heard` messages have come. Whether nothing else is on its way or lies here. */
  isQuiet(heard: number): boolean {
    const state = this.#state;
    return Atomics.load(state, SAID) === heard && Atomics.load(state, TAIL) === Atomics.load(state, HEAD);
  }

  /** Server: it was told, and will take all. */
  heard(): void {
    Atomics.store(this.#state, ANNOUNCED, 0);
  }

  /** Server: the next response before which `heard` messages were posted at most. */
  take(heard: number): WholeResponse | undefined {
    const words = this.#words;
    let at = Atomics.load(this.#state, TAIL);
    if (at === Atomics.load(this.#state, HEAD)) return undefined;
    if (words[at / 4] === WRAPPED) at = 0;
    const word = at / 4;
    if (isAfter(words[word + 2]!, heard)) return undefined;
    const start = at + RECORD_HEAD_BYTES;
    const end = start + words[word]!;
    const flags = words[word + 3]!;
    const text = this.#bytes.toString("latin1", start, end);
    const response: WholeResponse = {
      type: "write",
      seq: words[word + 1]!,
      parts: text === "" ? [] : [text],
      // A byte is a character: what was UTF-8 stays so.
      encoding: "latin1",
      kind: "response",
      status: flags >> STATUS_SHIFT,
      keepsAlive: (flags & KEEPS_ALIVE) !== 0,
      ends: true,
    };
    Atomics.store(this.#state, TAIL, aligned(end));
    return response;
  }

  /** Where so many bytes are free in one piece. The head never catches up with the tail: that would mean empty. */
  #roomFor(bytes: number): number | undefined {
    const head = Atomics.load(this.#state, HEAD);
    const tail = Atomics.load(this.#state, TAIL);
    if (head < tail) return head + bytes < tail ? head : undefined;
    if (head + bytes < this.#bytes.length) return head;
    if (bytes >= tail) return undefined;
    this.#words[head / 4] = WRAPPED;
    return 0;
  }

  #copy(part: Part, encoding: BufferEncoding, at: number): number {
    if (typeof part !== "string") {
      this.#bytes.set(part, at);
      return part.length;
    }
    return this.#bytes.write(part, at, encoding);
  }
}

function atMost({ parts, encoding }: WholeResponse): number {
  let bytes = 0;
  for (const part of parts) bytes += typeof part === "string" && encoding === "utf8" ? part.length * 3 : part.length;
  return bytes;
}

function aligned(bytes: number): number {
  return (bytes + 3) & ~3;
}
