/**
 * Connections on their way to a worker. Each stays open here until the worker has confirmed it. So a connection is not lost
 * if its worker dies first: closing one of two descriptors does not end a connection.
 *
 * Under `sync` a worker begins a connection and confirms it afterwards. It marks the connection before, in case it dies in
 * between: the request was read then, and another worker would wait for it in vain.
 *
 * What does not arrive, because the worker has no descriptors left, comes back. Node drops such a connection after a few tries,
 * and tells nobody. But it sends nothing behind it before. So the worker sees it missing, by its number, when something later
 * arrives, and says so before it counts what is later.
 *
 * The worker's count of received connections is a plain number, exact up to 2^53, which it never reaches. The count can't
 * decrease, and can't exceed what was sent.
 */

import type { Socket } from "node:net";
import { monotonicMs } from "../../../kit/clock.ts";
import { hasNative, wasBegun } from "../../../platform/native.ts";
import { descriptorOf } from "../../../platform/node-internals/handles.ts";

export interface Handover {
  readonly socket: Socket;
  readonly number: number;
  readonly sentMs: number;
  readonly isCounted: boolean;
}

/** Asking too early is only wasted. */
const LATE_MS = 500;

export class Handovers {
  /** Not confirmed yet, oldest first. */
  #pending: Handover[] = [];
  #confirmed = 0;
  #sent = 0;

  get size(): number {
    return this.#pending.length;
  }

  /** The number of the last one. */
  get sent(): number {
    return this.#sent;
  }

  /** Whether one of them is on its way for longer than a message takes. */
  isLate(nowMs: number): boolean {
    const [oldest] = this.#pending;
    return oldest !== undefined && nowMs - oldest.sentMs > LATE_MS;
  }

  /** Returns its number. They count up from 1. `isCounted`: in the worker's row. */
  add(socket: Socket, isCounted: boolean = false): number {
    this.#pending.push({ socket, number: ++this.#sent, sentMs: monotonicMs(), isCounted });
    return this.#sent;
  }

  /** The worker has not got these, and never will. */
  lost(from: number, upTo: number): readonly Handover[] {
    const isLost = ({ number }: Handover): boolean => number >= from && number <= upTo;
    const lost = this.#pending.filter(isLost);
    this.#pending = this.#pending.filter((each) => !isLost(each));
    return lost;
  }

  /** The worker has received this many since it started. "impossible": fewer than before, or more than sent. */
  confirm(received: number): "some" | "none" | "impossible" {
    const count = received - this.#confirmed;
    if (count === 0) return "none";
    if (count < 0 || count > this.#pending.length) return "impossible";
    for (const { socket } of this.#pending.splice(0, count)) socket.destroy();
    this.#confirmed = received;
    return "some";
  }

  /** Returns the connections that a worker never began: the worker is gone, or has dropped them. */
  takeBack(): Socket[] {
    const pending = this.#pending.splice(0).map(({ socket }) => socket);
    for (const socket of pending) if (isBegun(socket)) socket.destroy();
    return pending.filter((socket) => !socket.destroyed);
  }
}

function isBegun(socket: Socket): boolean {
  const fd = descriptorOf(socket);
  return fd >= 0 && hasNative() && wasBegun(fd);
}
