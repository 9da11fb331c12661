/**
 * The key that encrypts TLS session tickets. All workers and threads share it, so that a returning client resumes its session
 * wherever its connection goes (RFC 8446 §2.2, RFC 5077 §3.3).
 *
 * Whoever has the key can read the TLS 1.2 connections made with it. So it is only in memory, never in a file, an environment
 * variable or the log. It is new at every start, and again after each `rotationMs`. Node takes one key at a time: a client
 * with a ticket of the previous key makes one full handshake, and gets a new ticket.
 */

import type { TicketKeys as Keys } from "../worker/worker-protocol.ts";

/** 16 bytes of name, 16 for the HMAC, 16 for AES: what `tls.createServer` takes as `ticketKeys`. */
const KEY_BYTES = 48;

export class TicketKeys {
  readonly #onRotated: (keys: Keys) => void;
  #current: Keys | undefined;
  #rotation: NodeJS.Timeout | undefined;
  #rotationMs = 0;

  constructor(onRotated: (keys: Keys) => void) {
    this.#onRotated = onRotated;
  }

  /** Made on first use: a server without TLS needs none. */
  get current(): Keys {
    return (this.#current ??= makeKeys());
  }

  /** 0: never. An unchanged interval does not restart the timer. */
  rotateEvery(rotationMs: number): void {
    if (rotationMs === this.#rotationMs) return;
    this.stop();
    this.#rotationMs = rotationMs;
    if (rotationMs > 0) this.#rotation = setInterval(() => this.#rotate(), rotationMs).unref();
  }

  stop(): void {
    clearInterval(this.#rotation);
    this.#rotationMs = 0;
  }

  #rotate(): void {
    this.#current = makeKeys();
    this.#onRotated(this.#current);
  }
}

function makeKeys(): Keys {
  return process.getBuiltinModule("node:crypto").randomBytes(KEY_BYTES).toString("base64");
}
