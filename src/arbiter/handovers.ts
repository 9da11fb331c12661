/**
 * Connections on their way to a worker. Each stays open here until the worker has said that it has it, so that one whose
 * worker dies first is not lost: closing one of two descriptors does not end a connection.
 */

import type { Socket } from "node:net";

export class Handovers {
  /** Not confirmed yet, oldest first. */
  readonly #pending: Socket[] = [];
  #confirmed = 0;

  get size(): number {
    return this.#pending.length;
  }

  add(socket: Socket): void {
    this.#pending.push(socket);
  }

  /** The worker has received so many since it started. */
  confirm(received: number): void {
    for (const socket of this.#pending.splice(0, received - this.#confirmed)) socket.destroy();
    this.#confirmed = received;
  }

  /** What a worker that is gone never had. */
  takeBack(): Socket[] {
    return this.#pending.splice(0).filter((socket) => !socket.destroyed);
  }
}
