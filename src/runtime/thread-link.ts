/**
 * One thread's end of the link to another: a message port, with what is said in one turn of the loop put together into
 * one message. A message costs more than what is in it, so this is where the throughput comes from.
 *
 * Invariants
 * - What is posted arrives in the order of posting, whatever way it took (batched, or at once).
 * - A batch leaves when the current callback and the promises it settled have run (`process.nextTick` from wherever the
 *   first of it was posted), or earlier when it is full. Nothing waits for a timer.
 * - `closed` is told after everything the other side had sent.
 * - The port never keeps the thread alive (`termination-detection.ts` does, when something must).
 */

import { receiveMessageOnPort, type MessagePort, type Transferable } from "node:worker_threads";
import { runQueue } from "./run-queue.ts";

/** What is batched at most: beyond, a larger batch saves nothing and the other side could have begun. */
const BATCH = 256;

/** Service names and payloads in turn: flat, because that is cheaper to copy than an array of pairs. */
type Batch = unknown[];

export interface LinkEvents {
  /** A message has left, or has come. */
  readonly posted: () => void;
  readonly arrived: () => void;
  readonly received: (service: string, payload: unknown) => void;
  readonly closed: () => void;
}

export class Link {
  /** The other thread. */
  readonly thread: number;
  /** Messages of services, not counting the runtime's own: what `termination-detection.ts` compares. */
  sent = 0;
  received = 0;
  /** Services whose module the other side has been told. */
  readonly told: Set<string> = new Set();
  readonly #port: MessagePort;
  readonly #events: LinkEvents;
  #batch: Batch = [];
  #scheduled = false;
  readonly #flush = (): void => this.flush();

  constructor(thread: number, port: MessagePort, events: LinkEvents) {
    this.thread = thread;
    this.#port = port;
    this.#events = events;
    port.on("message", this.#receive);
    port.on("close", events.closed);
    port.unref();
  }

  readonly #receive = (batch: Batch): void => {
    this.#events.arrived();
    runQueue.isOwnCallback = true;
    try {
      for (let index = 0; index < batch.length; index += 2) {
        const service = batch[index] as string;
        if (service !== "") this.received++;
        this.#events.received(service, batch[index + 1]);
      }
    } finally {
      runQueue.isOwnCallback = false;
    }
  };

  /** What has come, before the loop gets to it. */
  receiveNow(): void {
    for (let next = receiveMessageOnPort(this.#port); next !== undefined; next = receiveMessageOnPort(this.#port)) {
      this.#receive(next.message as Batch);
    }
  }

  /** With the next batch. The payload must be of a kind that can be cloned, and must not change any more (but see `isOpen`). */
  post(service: string, payload: unknown): void {
    if (service !== "") this.sent++;
    if (this.#batch.push(service, payload) >= 2 * BATCH) {
      this.flush();
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      process.nextTick(this.#flush);
    }
  }

  /** Whether this is what was posted last, and has not left: then its poster may still add to it. */
  isOpen(payload: unknown): boolean {
    return this.#batch.length > 0 && this.#batch[this.#batch.length - 1] === payload;
  }

  /** Now. Throws what cloning throws, and then nothing was sent. */
  postNow(service: string, payload: unknown, transfer: readonly Transferable[] = []): void {
    this.flush();
    this.#port.postMessage([service, payload], [...transfer]);
    this.#events.posted();
    if (service !== "") this.sent++;
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#port.postMessage(batch, []);
    this.#events.posted();
  }

  close(): void {
    this.#port.close();
  }
}
