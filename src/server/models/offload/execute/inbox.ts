/**
 * The messages of one link, at a handler thread. They come as events. While a handler blocks its thread on purpose, they are
 * read out of turn, so that the handler learns that it must stop. Messages that can't be handled then are kept, and
 * delivered later, before newer ones.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import type { ToHandler } from "../shared/offload-protocol.ts";

export class Inbox {
  readonly #port: MessagePort;
  readonly #receive: (message: ToHandler, isAlone: boolean) => void;
  #kept: ToHandler[] = [];
  #released = true;
  readonly #outside = AsyncLocalStorage.snapshot();

  /** `isAlone`: nothing else has run in this callback. `closed`: the serving thread is gone, and all of its messages were received. */
  constructor(port: MessagePort, receive: (message: ToHandler, isAlone: boolean) => void, closed: () => void) {
    this.#port = port;
    this.#receive = receive;
    port.on("close", closed);
    port.on("message", (message: ToHandler) => {
      const isAlone = this.#kept.length === 0;
      this.#release();
      receive(message, isAlone);
    });
  }

  /** For a blocked thread: passes all pending messages to `deal`. `deal` returns true if it has handled the message. */
  read(deal: (message: ToHandler) => boolean): void {
    for (let next = receiveMessageOnPort(this.#port); next !== undefined; next = receiveMessageOnPort(this.#port)) {
      this.#kept.push(next.message as ToHandler);
    }
    this.#kept = this.#kept.filter((message) => !deal(message));
    if (this.#kept.length === 0 || !this.#released) return;
    this.#released = false;
    // Perhaps no later event delivers them.
    this.#outside(setImmediate, this.#release);
  }

  readonly #release = (): void => {
    this.#released = true;
    // One of them may run a handler that blocks and reads again.
    for (let next = this.#kept.shift(); next !== undefined; next = this.#kept.shift()) this.#receive(next, false);
  };
}
