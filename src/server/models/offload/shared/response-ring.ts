/**
 * The complete responses of one link in shared memory, and the ends of its jobs. Most handlers send only one response, so they
 * need no message.
 *
 * The handler thread writes a response, and announces it only if no announcement is pending. When the serving thread gets an
 * announcement or any other message, it takes all responses. A message costs each thread as much as a short handler does.
 *
 *   [HEAD TAIL ANNOUNCED] [length seq said status|flags  bytes …] [length …] …      length WRAPPED: continues at the start
 *
 * The record of an end has no bytes, and the run time in microseconds in place of the status.
 *
 * Invariants
 * - One thread puts, one takes, in the same order. A response is seen whole or not at all, even if its writer dies meanwhile.
 * - Order is kept: each response says how many messages were posted on the link before it, and is not taken earlier.
 * - A response or an end that does not fit is sent as a message.
 * - An end comes after all that its job has sent, as a response or as a message.
 *
 * Memory
 * - HEAD is written by the handler thread, TAIL by the serving thread. They are byte offsets from 0 to the size of the ring,
 *   always a multiple of 4, and wrap to 0 with the ring. Equal means empty, so at least one word stays free.
 * - `seq` and `said` of a record are numbers of jobs and messages. Both wrap at 2^32 (`wrapping.ts`). Every word here is read
 *   unsigned.
 * - ANNOUNCED is set to 1 by the handler thread after it writes HEAD, and to 0 by the serving thread before it takes. No lost
 *   wake-up: a response written before the 0 is taken now, and one written after it is announced again.
 * - If the handler thread dies, bytes behind HEAD are not seen. Those before it are taken when the serving thread hears of the
 *   death (`handler-link.ts`), even if they were not announced. This memory is not used again. If the serving thread dies, the
 *   ring fills up; its handler thread then posts into a closed port.
 */

import { isAfter } from "../../../../kit/wrapping.ts";
import type { FromHandler, Part } from "./offload-protocol.ts";

export type WholeResponse = FromHandler & { type: "write" };
export type JobEnd = FromHandler & { type: "done" };

const HEAD = 0;
const TAIL = 1;
const ANNOUNCED = 2;
const PREFIX_BYTES = 16;

const RING_BYTES = 32 * 1024;
/** Under `tasks`, where a thread answers hundreds of requests before its serving thread gets its turn. */
export const TASK_RING_BYTES: number = 256 * 1024;
/** From about here copying costs more than a message. And several others must fit. */
const MOST_BYTES = 8 * 1024;
const RECORD_HEAD_BYTES = 16;
/** No response is this long. */
const WRAPPED = 0xffffffff;

const KEEPS_ALIVE = 1;
const DONE = 2;
const STATUS_SHIFT = 2;
/** What fits above the flags: a quarter of an hour. */
const MAX_RAN_MICROS = 0x3fffffff;

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

  /** Handler: the job is over. False: there is no room now. */
  putEnd(seq: number, ranMs: number, said: number): boolean {
    const at = this.#roomFor(RECORD_HEAD_BYTES);
    if (at === undefined) return false;
    const words = this.#words;
    const word = at / 4;
    words[word] = 0;
    words[word + 1] = seq;
    words[word + 2] = said;
    words[word + 3] = (Math.min(MAX_RAN_MICROS, Math.round(ranMs * 1000)) << STATUS_SHIFT) | DONE;
    Atomics.store(this.#state, HEAD, at + RECORD_HEAD_BYTES);
    return true;
  }

  /** Handler: true if the serving thread must be told that something is here. */
  announce(): boolean {
    return Atomics.exchange(this.#state, ANNOUNCED, 1) === 0;
  }

  /** Server: it was told, and will take all responses. */
  heard(): void {
    Atomics.store(this.#state, ANNOUNCED, 0);
  }

  /** Server: the next response or end, if at most `heard` messages were posted before it. */
  take(heard: number): WholeResponse | JobEnd | undefined {
    const words = this.#words;
    let at = Atomics.load(this.#state, TAIL);
    if (at === Atomics.load(this.#state, HEAD)) return undefined;
    if (words[at / 4] === WRAPPED) at = 0;
    const word = at / 4;
    if (isAfter(words[word + 2]!, heard)) return undefined;
    const start = at + RECORD_HEAD_BYTES;
    const end = start + words[word]!;
    const flags = words[word + 3]!;
    if ((flags & DONE) !== 0) {
      const ended: JobEnd = { type: "done", seq: words[word + 1]!, ranMs: (flags >>> STATUS_SHIFT) / 1000 };
      Atomics.store(this.#state, TAIL, end);
      return ended;
    }
    const text = this.#bytes.toString("latin1", start, end);
    const response: WholeResponse = {
      type: "write",
      seq: words[word + 1]!,
      parts: text === "" ? [] : [text],
      // One byte is one character, so UTF-8 bytes pass unchanged.
      encoding: "latin1",
      kind: "response",
      status: flags >>> STATUS_SHIFT,
      keepsAlive: (flags & KEEPS_ALIVE) !== 0,
      ends: true,
    };
    Atomics.store(this.#state, TAIL, aligned(end));
    return response;
  }

  /** The offset of this many free bytes in one piece. The head never reaches the tail: that would mean empty. */
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
