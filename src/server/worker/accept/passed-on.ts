/**
 * Connections that this worker has accepted for another one, on their way to the arbiter, which forwards them. This side's copy
 * stays open until the arbiter has confirmed it: if the arbiter has no descriptors left, the kernel drops what is sent to it,
 * Node tries a few times and then tells nobody. Such a connection is kept after all.
 *
 * Invariant: exactly one process serves a connection. It is kept only when it is certain that the arbiter never gets it. Node
 * sends nothing behind a handle before that has arrived or was given up. So when something later has arrived, and this has not,
 * it is lost. No time decides it.
 */

import type { Socket } from "node:net";
import { monotonicMs } from "../../../kit/clock.ts";

interface Sent {
  readonly socket: Socket;
  readonly pid: number;
  readonly sentMs: number;
}

export interface PassedOnOptions {
  readonly send: (socket: Socket, pid: number, id: number) => void;
  /** Asks for `lost`, behind everything that was sent. */
  readonly ask: (upTo: number) => void;
  /** It has not arrived, and was counted for the worker with this pid. */
  readonly keep: (socket: Socket, pid: number) => void;
}

/** Longer than a message takes. Asking too early is only wasted. */
const ASK_AFTER_MS = 500;

export class PassedOn {
  readonly #options: PassedOnOptions;
  /** Not confirmed, oldest first, by numbers that grow. */
  readonly #sent = new Map<number, Sent>();
  #lastId = 0;

  constructor(options: PassedOnOptions) {
    this.#options = options;
  }

  pass(socket: Socket, pid: number): void {
    const id = ++this.#lastId;
    this.#sent.set(id, { socket, pid, sentMs: monotonicMs() });
    this.#options.send(socket, pid, id);
  }

  /** The arbiter has this one. */
  confirm(id: number): void {
    this.#sent.get(id)?.socket.destroy();
    this.#sent.delete(id);
    this.lost(id - 1);
  }

  /** What is not confirmed by now, up to this one, never arrived. */
  lost(upTo: number): void {
    for (const [id, { socket, pid }] of this.#sent) {
      if (id > upTo) return;
      this.#sent.delete(id);
      this.#options.keep(socket, pid);
    }
  }

  /** At intervals: the last ones may be lost, with nothing sent behind them. */
  look(): void {
    const [oldest] = this.#sent.values();
    if (oldest !== undefined && monotonicMs() - oldest.sentMs > ASK_AFTER_MS) this.#options.ask(this.#lastId);
  }
}
