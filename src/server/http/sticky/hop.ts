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
 * If more connections wait for the other side than its backlog holds, this one tries again and again: the instance lives, and the
 * client belongs there.
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

/** Doubles with each try: thousands may wait. */
const FIRST_RETRY_MS = 25;
const LAST_RETRY_MS = 400;
/** The error of a Unix socket whose backlog is full. Elsewhere than on Linux it is that of an instance that has ended. */
const FULL = "EAGAIN";

export class Hop {
  readonly instance: string;
  isTaken = false;
  #socket: Socket;
  readonly #client: Socket;
  readonly #access: HopAccess;
  /** What was sent before it was taken. */
  #sent: (string | Buffer)[] = [];
  /** Why it could not be opened, or broke. */
  #error: string | undefined;
  #retryMs = FIRST_RETRY_MS;
  #user: HopUser | undefined;
  /** It carries an upgrade, until its end. */
  #isTunnel = false;
  readonly #onGone: (hop: Hop) => void;

  /** `client`: the stream of the client's connection. */
  constructor(instance: string, access: HopAccess, client: Socket, onGone: (hop: Hop) => void) {
    this.instance = instance;
    this.#access = access;
    this.#client = client;
    this.#onGone = onGone;
    this.#socket = this.#open();
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** The instance has ended. */
  get isRefused(): boolean {
    return this.#error === "ECONNREFUSED" || this.#error === "ENOENT";
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

  /** The head of a request, and what comes right behind it. */
  send(bytes: string | Buffer): void {
    if (!this.isTaken) this.#sent.push(bytes);
    this.socket.write(bytes, "latin1");
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

  #open(): Socket {
    const { folder, token } = this.#access;
    const socket = connect({ path: `${folder}/${this.instance}`, allowHalfOpen: true });
    socket.write(`${token} ${JSON.stringify(clientOf(this.#client))}\n`);
    for (const bytes of this.#sent) socket.write(bytes, "latin1");
    socket.on("data", this.#receive);
    socket.on("drain", this.#drained);
    // Its end follows.
    socket.on("error", ({ code }: NodeJS.ErrnoException) => (this.#error = code));
    socket.on("end", this.#end);
    socket.on("close", this.#end);
    return socket;
  }

  readonly #openAgain = (): void => {
    if (this.#user === undefined) this.#onGone(this);
    else this.#socket = this.#open();
  };

  readonly #drained = (): void => this.#user?.drained();

  readonly #receive = (bytes: Buffer): void => {
    if (this.isTaken) {
      // An idle one gets nothing.
      if (this.#user === undefined) this.destroy();
      else this.#user.received(bytes);
      return;
    }
    this.isTaken = true;
    this.#sent = [];
    const user = this.#user;
    user?.taken();
    if (bytes.length > 1) user?.received(bytes.subarray(1));
  };

  readonly #end = (): void => {
    if (this.#error === FULL && this.#user !== undefined) {
      this.#error = undefined;
      setTimeout(this.#openAgain, this.#retryMs);
      this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS);
      return;
    }
    this.#onGone(this);
    const user = this.#user;
    this.#user = undefined;
    this.socket.destroy();
    user?.ended();
  };
}
