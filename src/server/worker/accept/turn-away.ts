/**
 * Refuses connections for the arbiter, and for an acceptor that leaves: a fixed 503 and the end, whatever the client has sent,
 * because nothing is parsed here. We first close only our side, and drop what still comes for a while. If we closed both sides
 * over unread bytes, the kernel would send a reset, which often reaches the client before the answer does.
 *
 * Over TLS the answer can't be encrypted here, and a client of HTTP/2 could not read it, so the connection is just closed.
 */

import type { Socket } from "node:net";

const BODY = "503 Service Unavailable\n";
const ANSWER =
  "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\nretry-after: 1\r\n" +
  `content-length: ${BODY.length}\r\nconnection: close\r\n\r\n${BODY}`;

/** As long as a worker lets a refused upload continue. */
const LINGER_MS = 2000;
/** In a flood, connections that close slowly must not use up the descriptors. */
const MAX_LINGERING = 1024;

export class TurnAway {
  readonly #isPlain: () => boolean;
  readonly #maxLingering: number;
  /** Answered and not closed yet, oldest first. */
  readonly #lingering = new Set<Socket>();

  /** `isPlain`: whether connections carry HTTP/1 in clear text. */
  constructor(isPlain: () => boolean, maxLingering: number = MAX_LINGERING) {
    this.#isPlain = isPlain;
    this.#maxLingering = maxLingering;
  }

  refuse(socket: Socket): void {
    if (!socket.writable || !this.#isPlain()) {
      socket.destroy();
      return;
    }
    const [oldest] = this.#lingering;
    if (oldest !== undefined && this.#lingering.size >= this.#maxLingering) {
      // Its `close` event comes after the next connection.
      this.#lingering.delete(oldest);
      oldest.destroy();
    }
    this.#lingering.add(socket);
    const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
    socket.once("close", () => {
      clearTimeout(timer);
      this.#lingering.delete(socket);
    });
    socket.end(ANSWER);
    socket.resume();
  }
}
