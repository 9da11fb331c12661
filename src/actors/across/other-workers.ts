/**
 * The threads of other workers, as this thread knows them, and the way to them.
 *
 *   post ─▶ far-links.ts ─▶ root: worker-link.ts ═ arbiter ═▶ the other root ─▶ the other thread's far-links.ts ─▶ received
 *
 * Invariants
 * - All threads of a worker have one way to the arbiter, and what they post takes it in the order of posting.
 * - Each root tells the others which of its threads may have actors, and its own threads what it hears. So all know all, a moment
 *   later, and `threadAdded` is told for each. What is posted to a thread that is not known yet arrives all the same.
 * - `threadGone` is told for each thread that this one knows or has a link to, after all that has come from it. If something is
 *   posted to one that has ended, it is told again. So whoever waits for an answer never waits for ever.
 */

import { HeddleError, fromWire, toWire, type WireError } from "../../errors/errors.ts";
import { FarLinks } from "./far-links.ts";
import { root, rootOf, thisThread } from "./own-worker.ts";
import type { Frame } from "./protocol.ts";
import { type Seat, threadNumber, threadText, workerOf } from "./thread-numbers.ts";
import { WorkerLink } from "./worker-link.ts";

export interface OtherWorkersOptions {
  readonly seat: Seat;
  /** To a thread of this worker. False: there is no such thread, or no longer. */
  readonly postHere: (
    thread: number,
    message: readonly [string, ...unknown[]],
    transfer?: readonly ArrayBuffer[],
  ) => boolean;
  /** The threads of this worker that may have actors, without this one. */
  readonly threadsHere: () => readonly number[];
  readonly received: (from: number, message: unknown) => void;
  readonly threadAdded: (thread: number) => void;
  readonly threadGone: (thread: number, why: HeddleError) => void;
  /** On the root: a registration that has waited holds its name now. */
  readonly promoted: (name: string) => void;
}

export class OtherWorkers {
  readonly #options: OtherWorkersOptions;
  readonly #links: FarLinks;
  /** On the root. */
  readonly #workerLink: WorkerLink | undefined;
  readonly #threads = new Set<number>();
  /** On the root: frames that have come for other threads of this worker, in this turn. */
  #passed = new Map<number, Buffer[]>();

  constructor(options: OtherWorkersOptions) {
    this.#options = options;
    const { postHere, received } = options;
    this.#links = new FarLinks({ self: thisThread, send: (frames) => this.#send(frames), received });
    if (thisThread === root) this.#workerLink = this.#open(options.seat);
    // The root connects when it has loaded this library, which a message makes it do.
    else postHere(root, ["farJoin"]);
    // After process.exit() no turn is left in which to send the messages of this one.
    process.on("exit", () => this.flush());
  }

  /** Those that are known. */
  get threads(): ReadonlySet<number> {
    return this.#threads;
  }

  /** @throws HeddleError NOT_CLONEABLE, ACTOR_MESSAGE_TOO_LARGE */
  post(threads: Iterable<number>, message: readonly unknown[]): void {
    this.#links.post(threads, message);
  }

  isFull(thread: number): boolean {
    return this.#links.isFull(thread);
  }

  flush(): void {
    this.#links.flush();
  }

  /** On the root (worker-link.ts). The number of the registration, or 0: the name is taken. */
  async claim(name: string, may: number): Promise<number> {
    return await this.#workerLink!.claim(name, may);
  }

  /** On the root. */
  waits(number: number): boolean {
    return this.#workerLink!.waits(number);
  }

  /** On the root. */
  release(name: string, number: number): void {
    this.#workerLink!.release(name, number);
  }

  // What the threads of this worker tell each other

  /** Another thread, on the root. */
  threadAddedHere(thread: number): void {
    if (this.#workerLink === undefined) return;
    this.#options.postHere(thread, ["farThreads", [...this.#threads]]);
    this.#post(this.#roots(), ["threads", [thread]]);
  }

  threadGoneHere(thread: number, why: HeddleError): void {
    if (this.#workerLink !== undefined) this.#post(this.#threads, ["threadGone", thread, toWire(why)]);
  }

  /** On the root: frames of another thread of this worker. */
  sendFor(frames: Uint8Array): void {
    this.#workerLink!.send(bufferOf(frames));
  }

  receive(frames: Uint8Array): void {
    this.#links.receive(bufferOf(frames));
  }

  /** Threads of other workers: from their root to this one, which tells its threads. */
  learn(threads: readonly number[]): void {
    if (this.#workerLink !== undefined) this.#tellAllHere(["farThreads", threads]);
    for (const thread of threads) {
      if (this.#threads.has(thread)) continue;
      this.#threads.add(thread);
      this.#options.threadAdded(thread);
    }
  }

  /** A thread of another worker has ended. Its root tells all. */
  forgetThread(thread: number, why: WireError): void {
    this.#forget(thread, fromWire(why));
  }

  forgetWorker(worker: number): void {
    if (this.#workerLink !== undefined) this.#tellAllHere(["farGone", worker]);
    const why = new HeddleError("WORKER_DIED", `worker ${worker} has ended.`);
    for (const thread of new Set([...this.#threads, ...this.#links.threads()])) {
      if (workerOf(thread) === worker) this.#forget(thread, why);
    }
  }

  #forget(thread: number, why: HeddleError): void {
    this.#threads.delete(thread);
    this.#links.forget(thread);
    this.#options.threadGone(thread, why);
  }

  // On the root

  #open(seat: Seat): WorkerLink {
    return new WorkerLink(seat, {
      added: (worker) =>
        this.#post([threadNumber(worker, 0)], ["threads", [thisThread, ...this.#options.threadsHere()]]),
      gone: (worker) => {
        this.#handOn();
        this.forgetWorker(worker);
      },
      passed: (frame, bytes) => this.#pass(frame, bytes),
      promoted: this.#options.promoted,
      drained: () => this.#handOn(),
    });
  }

  #roots(): number[] {
    return [...this.#threads].filter((thread) => thread === rootOf(thread));
  }

  #post(threads: Iterable<number>, message: readonly unknown[]): void {
    this.#links.post(threads, message);
  }

  #tellAllHere(message: readonly [string, ...unknown[]]): void {
    for (const thread of this.#options.threadsHere()) this.#options.postHere(thread, message);
  }

  #pass(frame: Frame, bytes: Buffer): void {
    const { a: to } = frame;
    if (to === thisThread) return this.#links.receiveFrame(frame);
    const frames = this.#passed.get(to);
    if (frames !== undefined) frames.push(bytes);
    else this.#passed.set(to, [bytes]);
  }

  #handOn(): void {
    if (this.#passed.size === 0) return;
    const passed = this.#passed;
    this.#passed = new Map();
    for (const [to, frames] of passed) {
      const whole = own(Buffer.concat(frames));
      if (this.#options.postHere(to, ["farIn", whole], [whole.buffer])) continue;
      // It has ended; who has sent this may not have heard of it.
      const why = new HeddleError("THREAD_DIED", `${threadText(to)} has ended.`);
      this.#post(new Set(frames.map(senderOf)), ["threadGone", to, toWire(why)]);
    }
  }

  #send(frames: Buffer): void {
    if (this.#workerLink !== undefined) return this.#workerLink.send(frames);
    const whole = own(frames);
    this.#options.postHere(root, ["farOut", whole], [whole.buffer]);
  }
}

/** Bytes that have their memory to themselves, so that it can be transferred. */
function own(bytes: Buffer): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** `b` of a frame (protocol.ts). */
function senderOf(frame: Buffer): number {
  return frame.readDoubleLE(14);
}
