/**
 * Connections on their way to a worker. Each stays open here until the worker has confirmed it. So a connection is not lost
 * if its worker dies first: closing one of two descriptors does not end a connection.
 *
 * Under `sync` a worker begins a connection and confirms it afterwards. It marks the connection before, in case it dies in
 * between: the request was read then, and another worker would wait for it in vain.
 *
 * The worker's count of received connections is a plain number, exact up to 2^53, which it never reaches. The count can't
 * decrease, and can't exceed what was sent.
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

  /** The worker has received this many since it started. "impossible": fewer than before, or more than sent. */
  confirm(received: number): "some" | "none" | "impossible" {
    const count = received - this.#confirmed;
    if (count === 0) return "none";
    if (count < 0 || count > this.#pending.length) return "impossible";
    for (const socket of this.#pending.splice(0, count)) socket.destroy();
    this.#confirmed = received;
    return "some";
  }

  /** Returns the connections that a worker never began: the worker is gone, or has dropped them. */
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
