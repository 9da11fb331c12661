/**
 * The WebSockets of one serving thread. They are counted in its row, and get a close frame 1001 when it drains (RFC 6455
 * §7.4.1). The app speaks the protocol. heddle only sees that a handshake was answered.
 *
 * Invariant: each gets one such frame, even if the drain is repeated or began during its handshake.
 */

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { reviseFirstWrite } from "../../../platform/node-internals/connections.ts";
import { COUNTER, type LoadRow } from "../../../supervise/load-board.ts";

/** A server-to-client close frame, status 1001 "going away". */
export const GOING_AWAY: Buffer = Buffer.from([0x88, 0x02, 0x03, 0xe9]);

export class WebSockets {
  readonly #row: LoadRow;
  readonly #open = new Set<Duplex>();
  /** Those that were sent a close frame. */
  readonly #dismissed = new WeakSet<Duplex>();
  #isDraining = false;

  constructor(row: LoadRow) {
    this.#row = row;
  }

  /** A refused upgrade is answered and closed. Only a socket that switched protocols may get a frame. */
  track(req: IncomingMessage, socket: Duplex): void {
    if (req.headers.upgrade?.toLowerCase() !== "websocket") return;
    reviseFirstWrite(socket, (chunk) => {
      if (textOf(chunk).startsWith("HTTP/1.1 101")) this.#add(socket);
      return chunk;
    });
  }

  /** The thread drains. */
  dismiss(): void {
    this.#isDraining = true;
    for (const socket of this.#open) this.#dismiss(socket);
  }

  #add(socket: Duplex): void {
    this.#open.add(socket);
    // Its handshake began before the drain.
    if (this.#isDraining) setImmediate(() => this.#dismiss(socket));
    Atomics.add(this.#row.counters, COUNTER.webSockets, 1);
    socket.once("close", () => {
      this.#open.delete(socket);
      this.#row.lower("webSockets");
    });
  }

  #dismiss(socket: Duplex): void {
    if (!socket.writable || this.#dismissed.has(socket)) return;
    this.#dismissed.add(socket);
    socket.write(GOING_AWAY);
  }
}

function textOf(chunk: unknown): string {
  if (typeof chunk === "string") return chunk;
  return chunk instanceof Uint8Array ? Buffer.from(chunk).toString("latin1") : "";
}
