/**
 * One thread's end of the link to another: a message port that batches all messages of one loop turn into one. Sending a
 * message costs more than its content, so batching gives the throughput.
 *
 * Invariants
 * - Messages arrive in the order of posting, whether they were batched or sent at once.
 * - A batch leaves when the current callback and the promises it settled have run (`process.nextTick` of its first message),
 *   or earlier when it is full. It never waits for a timer.
 * - `closed` is called after all messages of the other side.
 * - The port never keeps the thread alive (`termination-detection.ts` does, when needed).
 */

import { receiveMessageOnPort, type MessagePort, type Transferable } from "node:worker_threads";
import { HeddleError, messageOf } from "../errors/errors.ts";
import { setImmediate } from "../kit/native-timers.ts";
import { runQueue } from "./run-queue.ts";

/** The largest batch. A larger one saves nothing, and the other side could have begun earlier. */
const BATCH = 256;

/** Service names and payloads alternate: a flat list is cheaper to copy than an array of pairs. */
type Batch = unknown[];

export interface LinkEvents {
  /** A message was sent, or has come. */
  readonly posted: () => void;
  readonly arrived: () => void;
  readonly received: (service: string, payload: unknown) => void;
  readonly closed: () => void;
}

export class Link {
  /** The other thread. */
  readonly thread: number;
  /** Messages of services, without the runtime's own. `termination-detection.ts` compares the counts. */
  sent = 0;
  received = 0;
  /** Services whose module the other side knows. */
  readonly told: Set<string> = new Set();
  readonly #port: MessagePort;
  readonly #events: LinkEvents;
  #batch: Batch = [];
  #scheduled = false;
  /** Have come, were looked through, and are not received yet. */
  #looked: Batch[] = [];
  readonly #flush = (): void => this.flush();

  constructor(thread: number, port: MessagePort, events: LinkEvents) {
    this.thread = thread;
    this.#port = port;
    this.#events = events;
    port.on("message", this.#receive);
    port.on("close", () => {
      this.#receiveLooked();
      events.closed();
    });
    port.unref();
  }

  readonly #receive = (batch: Batch): void => {
    this.#events.arrived();
    this.#receiveLooked();
    this.#deliver(batch);
  };

  #deliver(batch: Batch): void {
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
  }

  readonly #receiveLooked = (): void => {
    for (let batch = this.#looked.shift(); batch !== undefined; batch = this.#looked.shift()) this.#deliver(batch);
  };

  /** Receives what has come, before the loop does. */
  receiveNow(): void {
    for (let next = receiveMessageOnPort(this.#port); next !== undefined; next = receiveMessageOnPort(this.#port)) {
      this.#receive(next.message as Batch);
    }
  }

  /** Receives those of the messages that have come which are wanted. All others keep their order, and are received later. */
  receiveFirst(isWanted: (service: string, payload: unknown) => boolean): void {
    const wanted: Batch = [];
    for (let next = receiveMessageOnPort(this.#port); next !== undefined; next = receiveMessageOnPort(this.#port)) {
      this.#events.arrived();
      const batch = next.message as Batch;
      const others: Batch = [];
      for (let index = 0; index < batch.length; index += 2) {
        const [service, payload] = [batch[index] as string, batch[index + 1]];
        (isWanted(service, payload) ? wanted : others).push(service, payload);
      }
      if (others.length > 0 && this.#looked.push(others) === 1) setImmediate(this.#receiveLooked);
    }
    for (let index = 0; index < wanted.length; index += 2)
      this.#events.received(wanted[index] as string, wanted[index + 1]);
  }

  /** Sends it with the next batch. The payload must be cloneable and must not change any more (but see `isOpen`). */
  post(service: string, payload: unknown): void {
    if (service !== "") this.sent++;
    if (this.#batch.push(service, payload) >= 2 * BATCH) {
      this.flush();
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      process.nextTick(this.#flush);
    }
  }

  /** Whether this was posted last and has not been sent: then its poster may still extend it. */
  isOpen(payload: unknown): boolean {
    return this.#batch.length > 0 && this.#batch[this.#batch.length - 1] === payload;
  }

  /** Sends now. @throws NOT_CLONEABLE if it cannot be cloned. Then nothing is sent. */
  postNow(service: string, payload: unknown, transfer: readonly Transferable[] = []): void {
    this.flush();
    try {
      this.#port.postMessage([service, payload], [...transfer]);
    } catch (cause) {
      throw new HeddleError("NOT_CLONEABLE", `it cannot be sent to another thread: ${messageOf(cause)}`, { cause });
    }
    this.#events.posted();
    if (service !== "") this.sent++;
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    try {
      this.#port.postMessage(batch, []);
      this.#events.posted();
    } catch {
      this.#sendSingly(batch);
    }
  }

  /**
   * Something in it cannot be cloned, though whoever posted it has copied it. That must not take the rest of the batch with
   * it, nor the program: there is no caller here whom an error could reach.
   */
  #sendSingly(batch: Batch): void {
    for (let index = 0; index < batch.length; index += 2) {
      try {
        this.#port.postMessage(batch.slice(index, index + 2), []);
        this.#events.posted();
      } catch (cause) {
        const service = batch[index] as string;
        if (service !== "") this.sent--;
        const message = `a message of ${service} to thread ${this.thread} is lost, because it cannot be cloned: ${messageOf(cause)}`;
        process.emitWarning(message, { type: "HeddleWarning", code: "NOT_CLONEABLE" });
      }
    }
  }

  close(): void {
    this.#port.close();
  }
}
