/**
 * This thread's connection to the arbiter's store. The other end is `server/arbiter/shared/shared-connection.ts`.
 *
 *   closed → connecting → open → closed      opened by an operation, never by itself
 *
 * Invariants
 * - The operations of one turn of the loop go in one write, in their order, and the store performs them in that order.
 * - It keeps the thread alive while an answer is due, and not otherwise.
 * - At most MAX_WAITING operations and MAX_UNSENT_BYTES wait; beyond, an operation is refused at once.
 * - If the connection breaks, each operation that was handed to it is rejected: SHARED_INTERRUPTED, since the store may have
 *   performed it. One that never had a connection is rejected with SHARED_UNAVAILABLE: it has had no effect.
 * - When the process ends, what waits to be written is written at once. Nothing could be written later.
 *
 * Rejected: to send an operation again over a new connection. It might be done twice.
 */

import { connect, type Socket } from "node:net";
import { HeddleError } from "../errors/errors.ts";
import { FrameReader } from "./frames.ts";
import {
  type Answer,
  decodeAnswer,
  encodeRequest,
  NO_TTL,
  NOTHING,
  OP,
  type Request,
  STATUS,
  VERSION,
} from "./protocol.ts";
import type { Transport } from "./transport.ts";

const MAX_WAITING = 65_536;
const MAX_UNSENT_BYTES = 64 * 2 ** 20;
/** The arbiter's limit is on values; what it sends is at most one of them. */
const MAX_ANSWER_BYTES = 2 ** 32;
const IDS = 2 ** 32;

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: HeddleError): void;
}

const hello: Request = {
  op: OP.hello,
  kind: 0,
  namespace: "",
  key: "",
  ttlMs: NO_TTL,
  number: VERSION,
  value: NOTHING,
};

export class ArbiterTransport implements Transport {
  readonly #path: string;
  #link: Link | undefined;
  #isEnding = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** The thread ends with this turn. */
  end(): void {
    this.#isEnding = true;
    this.#link?.flush();
  }

  ask(request: Request): Promise<Answer> {
    if (this.#link === undefined || this.#link.isClosed) this.#link = new Link(this.#path);
    const answer = this.#link.ask(request);
    if (this.#isEnding) this.#link.flush();
    return answer;
  }
}

/** One connection. */
class Link {
  readonly #path: string;
  readonly #socket: Socket;
  readonly #reader = new FrameReader(MAX_ANSWER_BYTES);
  readonly #waiting = new Map<number, Waiting>();
  #unsent: Buffer[] = [];
  #unsentBytes = 0;
  #lastId = 0;
  #isOpen = false;
  #why: HeddleError | undefined;
  isClosed = false;

  constructor(path: string) {
    this.#path = path;
    this.#socket = connect({ path });
    this.#socket.unref();
    this.#socket.once("connect", () => (this.#isOpen = true));
    this.#socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on("error", (cause) => {
      this.#why ??= this.#isOpen ? interrupted(cause) : unreachable(this.#path, cause);
    });
    this.#socket.once("close", () => this.#end());
    this.#ask(hello).catch(() => {
      // The operations behind it are told.
    });
  }

  ask(request: Request): Promise<Answer> {
    const isFull =
      this.#waiting.size >= MAX_WAITING || this.#unsentBytes + this.#socket.writableLength > MAX_UNSENT_BYTES;
    if (isFull) return Promise.reject(busy(this.#waiting.size));
    return this.#ask(request);
  }

  flush(): void {
    if (this.#unsent.length === 0) return;
    const frames = this.#unsent;
    this.#unsent = [];
    this.#unsentBytes = 0;
    this.#socket.write(frames.length === 1 ? frames[0]! : Buffer.concat(frames));
  }

  #ask(request: Request): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const id = this.#nextId();
    if (this.#waiting.size === 0) this.#socket.ref();
    this.#waiting.set(id, { resolve, reject });
    if (this.#unsent.length === 0) process.nextTick(() => this.flush());
    const frame = encodeRequest(id, request);
    this.#unsent.push(frame);
    this.#unsentBytes += frame.length;
    return promise;
  }

  /** A claim may wait while the numbers go round. */
  #nextId(): number {
    do this.#lastId = (this.#lastId + 1) % IDS;
    while (this.#waiting.has(this.#lastId));
    return this.#lastId;
  }

  #receive(chunk: Buffer): void {
    this.#reader.push(chunk);
    for (let frame = this.#reader.next(); frame !== undefined; frame = this.#reader.next()) {
      const told = frame === "too-large" ? undefined : decodeAnswer(frame);
      if (told === undefined) return this.#break(notAStore(this.#path));
      if (told.answer.status === STATUS.otherVersion) return this.#break(otherVersion(told.answer.number));
      const waiting = this.#waiting.get(told.id);
      this.#waiting.delete(told.id);
      waiting?.resolve(told.answer);
    }
    if (this.#waiting.size === 0) this.#socket.unref();
  }

  #break(why: HeddleError): void {
    this.#why ??= why;
    this.#socket.destroy();
  }

  #end(): void {
    this.isClosed = true;
    const why = this.#why ?? interrupted(undefined);
    for (const waiting of this.#waiting.values()) waiting.reject(why);
    this.#waiting.clear();
  }
}

function unreachable(path: string, cause: NodeJS.ErrnoException): HeddleError {
  const message = `the shared store cannot be reached at ${path}: ${cause.message}. Nothing was changed.`;
  return new HeddleError("SHARED_UNAVAILABLE", message, {
    cause,
    hint:
      cause.code === "EACCES"
        ? "Only the user who started the server may open it. An app that changes its user (process.setuid) uses the store once before."
        : "The server has ended, or could not open it: its log says so.",
  });
}

function interrupted(cause: Error | undefined): HeddleError {
  return new HeddleError(
    "SHARED_INTERRUPTED",
    "the connection to the shared store broke before the answer came: the operation may have been performed, or not.",
    { cause, hint: "The server ends, or the arbiter had no file descriptors left: its log says so." },
  );
}

function notAStore(path: string): HeddleError {
  return new HeddleError("SHARED_UNAVAILABLE", `what answers at ${path} is no shared store of heddle's.`);
}

function otherVersion(theirs: number): HeddleError {
  const message = `the server's shared store speaks version ${theirs} of its protocol, and the app's copy of heddle version ${VERSION}.`;
  return new HeddleError("SHARED_UNAVAILABLE", message, {
    hint: "Start the server with the version of heddle that the app imports.",
  });
}

function busy(waiting: number): HeddleError {
  const message = `${waiting} operations on the shared store already wait for their answers in this thread; at most ${MAX_WAITING}, or ${MAX_UNSENT_BYTES / 2 ** 20} MiB, may.`;
  return new HeddleError("SHARED_BUSY", message, { hint: "Await some before you begin more." });
}
