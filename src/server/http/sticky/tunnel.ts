/**
 * An upgrade that another instance serves: the bytes of both connections pass through, in both directions. One that ends, ends the
 * other.
 *
 * When this instance drains and the other one does not, the client must leave: a WebSocket gets the close frame 1001 between two
 * frames of the other side (`frame-boundaries.ts`), as from a drain of its own instance. What is no WebSocket is closed.
 */

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { GOING_AWAY } from "../parse/web-sockets.ts";
import { FrameBoundaries } from "./frame-boundaries.ts";
import type { Hop } from "./hop.ts";
import { requestHead } from "./request-head.ts";

export interface TunnelOptions {
  readonly req: IncomingMessage;
  readonly socket: Duplex;
  /** What the client has sent behind the request's head. */
  readonly head: Buffer;
  readonly hop: Hop;
  /** It has not run, and is to run on this instance. */
  readonly here: () => void;
}

/** Time for the client to answer the close frame. The drain ends what is left. */
const CLOSE_MS = 5000;

export class Tunnel {
  readonly #options: TunnelOptions;
  readonly #frames: FrameBoundaries | undefined;
  #other: Socket | undefined;
  #leaves = false;

  constructor(options: TunnelOptions) {
    this.#options = options;
    if (options.req.headers.upgrade?.toLowerCase() === "websocket") this.#frames = new FrameBoundaries();
  }

  get instance(): string {
    return this.#options.hop.instance;
  }

  open(): void {
    const { req, socket, head, hop, here } = this.#options;
    const leave = (): void => hop.destroy();
    socket.once("close", leave);
    hop.use({
      taken: () => this.#connect(),
      received: (bytes) => this.#pass(bytes),
      drained() {},
      clientEnded() {},
      ended: () => {
        socket.off("close", leave);
        if (!socket.destroyed) here();
      },
    });
    hop.send(requestHead(req));
    if (head.length > 0) hop.send(head);
  }

  /** This instance drains, and the other one goes on. */
  leave(): void {
    if (this.#leaves) return;
    this.#leaves = true;
    if (this.#frames === undefined) this.#options.socket.destroy();
    else if (this.#frames.isBetween) this.#dismiss();
  }

  #connect(): void {
    const { socket, hop } = this.#options;
    const other = hop.detach();
    this.#other = other;
    other.on("data", (bytes: Buffer) => this.#pass(bytes));
    other.on("end", () => socket.end());
    other.once("close", () => socket.destroy());
    socket.on("drain", () => other.resume());
    socket.pipe(other);
  }

  #pass(bytes: Buffer): void {
    const { socket } = this.#options;
    if (!socket.writable) return;
    const end = this.#frames?.push(bytes, this.#leaves) ?? bytes.length;
    if (end > 0 && !socket.write(bytes.subarray(0, end))) this.#other!.pause();
    if (this.#leaves && this.#frames?.isBetween === true) this.#dismiss();
  }

  /** From here on the client gets nothing of the other side. That one hears the client's close frame, and ends. */
  #dismiss(): void {
    const { socket } = this.#options;
    socket.write(GOING_AWAY);
    socket.end();
    setTimeout(() => socket.destroy(), CLOSE_MS).unref();
  }
}
