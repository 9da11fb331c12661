/**
 * The messages of one link at a handler thread. They come as events; while a handler blocks its thread on purpose, they
 * are read out of turn, so that it hears that it is to stop. What can't be dealt with then is kept and comes in its turn,
 * before anything newer.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import type { ToHandler } from "../shared/offload-protocol.ts";

export class Inbox {
  readonly #port: MessagePort;
  readonly #receive: (message: ToHandler) => void;
  #kept: ToHandler[] = [];
  #released = true;
  readonly #outside = AsyncLocalStorage.snapshot();

  /** `closed`: the serving thread is gone, and all it had said was received. */
  constructor(port: MessagePort, receive: (message: ToHandler) => void, closed: () => void) {
    this.#port = port;
    this.#receive = receive;
    port.on("close", closed);
    port.on("message", (message: ToHandler) => {
      this.#release();
      receive(message);
    });
  }

  /** For a thread that is blocked: shows all that has come and was not received. `deal` returns true if that was all there is to do. */
  read(deal: (message: ToHandler) => boolean): void {
    for (let next = receiveMessageOnPort(this.#port); next !== undefined; next = receiveMessageOnPort(this.#port)) {
      this.#kept.push(next.message as ToHandler);
    }
    this.#kept = this.#kept.filter((message) => !deal(message));
    if (this.#kept.length === 0 || !this.#released) return;
    this.#released = false;
    // Nothing else may come that would have them received.
    this.#outside(setImmediate, this.#release);
  }

  readonly #release = (): void => {
    this.#released = true;
    // One of them may run a handler that blocks and reads again.
    for (let next = this.#kept.shift(); next !== undefined; next = this.#kept.shift()) this.#receive(next);
  };
}
