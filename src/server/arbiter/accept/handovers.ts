/**
 * Connections on their way to a worker. Each stays open here until the worker has said that it has it, so that one whose
 * worker dies first is not lost: closing one of two descriptors does not end a connection.
 *
 * Under `sync` a worker begins with one and says so afterwards. In case it dies in between it has marked the connection:
 * its request was read, and another worker would wait for it in vain.
 *
 * The worker counts what it has received in a plain number, which is exact up to 2^53 and never gets there. The count can't go
 * back, nor go beyond what is on its way.
 */

import type { Socket } from "node:net";
import { hasNative, wasBegun } from "../../../platform/native.ts";
import { descriptorOf } from "../../../platform/node-internals/handles.ts";

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

  /** The worker has received so many since it started. "impossible": fewer than before, or more than it was sent; nothing is changed. */
  confirm(received: number): "some" | "none" | "impossible" {
    const count = received - this.#confirmed;
    if (count === 0) return "none";
    if (count < 0 || count > this.#pending.length) return "impossible";
    for (const socket of this.#pending.splice(0, count)) socket.destroy();
    this.#confirmed = received;
    return "some";
  }

  /** What a worker that is gone, or has let it go, never had. */
  takeBack(): Socket[] {
    const pending = this.#pending.splice(0);
    for (const socket of pending) if (isBegun(socket)) socket.destroy();
    return pending.filter((socket) => !socket.destroyed);
  }
}

function isBegun(socket: Socket): boolean {
  const fd = descriptorOf(socket);
  return fd >= 0 && hasNative() && wasBegun(fd);
}
