/**
 * A connection from one instance to another, on the side of the one that forwards. It carries the requests of one client
 * connection, one at a time, and the other side takes it for that connection.
 *
 *   token, client as JSON, line end →           once
 *                                   ← one byte   it is taken over: from here on requests on it may run
 *   a request, as it came           →
 *                                   ← its response, as it was written
 *   the end of its sending side     →           the client has ended its own, and is to be answered all the same
 *
 * For how long a client that has ended its side is answered is judged where its request runs: there the loop is as late as the
 * answer is (client-watch.ts). The instance that has the client tells it of the end, and does not count the time itself.
 *
 * Invariant: if it ends before that byte, nothing of it was run. So its request may run elsewhere.
 *
 * Who may connect: the socket is in a folder of mode 0700, and without the token the connection is closed. Nothing that a client
 * sends becomes a part of the first line.
 *
 * Rejected: passing the client's descriptor. TLS connections can't be passed, and a proxy's connection carries many clients.
 * Rejected: one connection for the requests of many clients. `req.socket` would have to change its addresses from request to
 * request, and a client that leaves could not be told from one that stays.
 */

import { connect, type Socket } from "node:net";
import { tellsClosedFromEnded } from "../../../platform/native.ts";
import { clientOf } from "./client-of-hop.ts";

/** What an instance needs to know to reach others, and to be reached. */
export interface HopAccess {
  /** Of mode 0700. An instance's socket has its name there. */
  readonly folder: string;
  readonly token: string;
}

/** Who uses it at the moment. */
export interface HopUser {
  /** The other side has it. */
  taken(): void;
  received(bytes: Buffer): void;
  /** More may be sent. */
  drained(): void;
  /** The client has ended its side. */
  clientEnded(): void;
  ended(): void;
}

export class Hop {
  readonly instance: string;
  readonly socket: Socket;
  isTaken = false;
  #user: HopUser | undefined;
  /** It carries an upgrade, until its end. */
  #isTunnel = false;
  readonly #onGone: (hop: Hop) => void;

  /** `client`: the stream of the client's connection. */
  constructor(instance: string, { folder, token }: HopAccess, client: Socket, onGone: (hop: Hop) => void) {
    this.instance = instance;
    this.#onGone = onGone;
    this.socket = connect({ path: `${folder}/${instance}`, allowHalfOpen: true });
    this.socket.write(`${token} ${JSON.stringify(clientOf(client))}\n`);
    this.socket.on("data", this.#receive);
    this.socket.on("drain", this.#drained);
    // Its end follows.
    this.socket.on("error", () => {});
    this.socket.on("end", this.#end);
    this.socket.on("close", this.#end);
  }

  /** It carries no request. */
  get isIdle(): boolean {
    return this.#user === undefined && !this.#isTunnel && !this.socket.destroyed && !this.socket.writableEnded;
  }

  /** The other side is told of the client's end, or will be when it has the request: it judges how long the client is answered. */
  get judgesClient(): boolean {
    return this.#user !== undefined && tellsClosedFromEnded();
  }

  /** Its first request has not reached the other side, so nothing of it has begun. */
  get isOnItsWay(): boolean {
    return this.#user !== undefined && !this.isTaken;
  }

  /** The client has ended its side. Whoever uses it ends this side of it when the request is sent. */
  clientEnded(): void {
    if (tellsClosedFromEnded()) this.#user?.clientEnded();
  }

  use(user: HopUser): void {
    this.#user = user;
  }

  release(): void {
    this.#user = undefined;
    if (this.socket.writableEnded) {
      this.socket.destroy();
      return;
    }
    // Something idle that is held back would not notice its end.
    this.socket.resume();
  }

  /** The client's connection and this one are one from now on. */
  detach(): Socket {
    this.#user = undefined;
    this.#isTunnel = true;
    return this.socket.off("data", this.#receive).off("drain", this.#drained).off("end", this.#end);
  }

  destroy(): void {
    this.#user = undefined;
    this.socket.destroy();
  }

  readonly #drained = (): void => this.#user?.drained();

  readonly #receive = (bytes: Buffer): void => {
    if (this.isTaken) {
      // An idle one gets nothing.
      if (this.#user === undefined) this.destroy();
      else this.#user.received(bytes);
      return;
    }
    this.isTaken = true;
    const user = this.#user;
    user?.taken();
    if (bytes.length > 1) user?.received(bytes.subarray(1));
  };

  readonly #end = (): void => {
    this.#onGone(this);
    const user = this.#user;
    this.#user = undefined;
    this.socket.destroy();
    user?.ended();
  };
}
