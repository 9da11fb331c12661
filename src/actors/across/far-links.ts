/**
 * The links of this thread to threads of other workers, made when the first message goes or comes. Frames of one turn of the loop go
 * to the arbiter together: the root writes them to its connection (worker-link.ts), other threads hand them to the root.
 */

import { FrameReader } from "../../kit/bytes/frame-reader.ts";
import { FarLink } from "./far-link.ts";
import { messageToBytes } from "./message-bytes.ts";
import { creditOf, decodeFrame, type Frame, KIND, MAX_FRAME_BYTES } from "./protocol.ts";

export interface FarLinksOptions {
  /** This thread. */
  readonly self: number;
  /** Takes frames for the arbiter. */
  readonly send: (frames: Buffer) => void;
  readonly received: (from: number, message: unknown) => void;
}

/** So much is sent at once, without waiting for the end of the turn. */
const BATCH_BYTES = 256 * 1024;

export class FarLinks {
  readonly #options: FarLinksOptions;
  readonly #links = new Map<number, FarLink>();
  /** Those with messages of this turn. */
  readonly #unflushed = new Set<FarLink>();
  #frames: Buffer[] = [];
  #bytes = 0;
  #isScheduled = false;
  readonly #flush = (): void => this.flush();

  constructor(options: FarLinksOptions) {
    this.#options = options;
  }

  /** The threads that it has links to. */
  threads(): IterableIterator<number> {
    return this.#links.keys();
  }

  isFull(thread: number): boolean {
    return this.#links.get(thread)?.isFull === true;
  }

  /** The same message to several threads. @throws HeddleError NOT_CLONEABLE, ACTOR_MESSAGE_TOO_LARGE */
  post(threads: Iterable<number>, message: readonly unknown[]): void {
    let bytes: Buffer | undefined;
    for (const thread of threads) {
      const link = this.#link(thread);
      link.post((bytes ??= messageToBytes(message)));
      this.#unflushed.add(link);
    }
    this.#schedule();
  }

  flush(): void {
    this.#isScheduled = false;
    for (const link of this.#unflushed) link.flush();
    this.#unflushed.clear();
    this.#handOver();
  }

  /** Frames for this thread, one behind the other. */
  receive(frames: Buffer): void {
    const reader = new FrameReader(MAX_FRAME_BYTES);
    reader.push(frames);
    for (let bytes = reader.next(); bytes !== undefined; bytes = reader.next()) {
      const frame = bytes === "too-large" ? undefined : decodeFrame(bytes);
      if (frame !== undefined) this.receiveFrame(frame);
    }
  }

  receiveFrame(frame: Frame): void {
    const { kind, b: from, rest } = frame;
    if (kind === KIND.data) this.#link(from).receive(rest);
    else this.#links.get(from)?.credited(creditOf(frame));
  }

  /** That thread has ended. */
  forget(thread: number): void {
    const link = this.#links.get(thread);
    if (link === undefined) return;
    this.#links.delete(thread);
    this.#unflushed.delete(link);
  }

  #link(thread: number): FarLink {
    let link = this.#links.get(thread);
    if (link !== undefined) return link;
    const { self, received } = this.#options;
    link = new FarLink({
      self,
      thread,
      send: (frame) => this.#send(frame),
      received: (message) => received(thread, message),
    });
    this.#links.set(thread, link);
    return link;
  }

  #send(frame: Buffer): void {
    this.#frames.push(frame);
    this.#bytes += frame.length;
    if (this.#bytes >= BATCH_BYTES) this.#handOver();
    else this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(this.#flush);
  }

  #handOver(): void {
    if (this.#frames.length === 0) return;
    const frames = this.#frames;
    const bytes = this.#bytes;
    this.#frames = [];
    this.#bytes = 0;
    this.#options.send(Buffer.concat(frames, bytes));
  }
}
