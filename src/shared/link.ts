/**
 * One connection of this thread to the arbiter's store: requests out, answers and messages in. `arbiter-transport.ts` opens it, and
 * says what it promises.
 *
 * Answers are told by callbacks, at once: messages of a channel may lie in the same chunk behind the answer that gives its number.
 */

import { connect, type Socket } from "node:net";
import { count } from "../errors/count.ts";
import { HeddleError } from "../errors/errors.ts";
import { FrameReader } from "../kit/bytes/frame-reader.ts";
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

const MAX_WAITING = 65_536;
const MAX_UNSENT_BYTES = 64 * 2 ** 20;
/** The arbiter's limit is on values; what it sends is at most one of them. */
const MAX_ANSWER_BYTES = 2 ** 32;
const IDS = 2 ** 32;

export interface Waiting {
  /** Whether somebody waits for the answer, so that the thread stays alive for it. */
  readonly isDue: boolean;
  resolve(answer: Answer): void;
  reject(error: HeddleError): void;
}

export interface LinkEvents {
  /** The store speaks the same version. */
  welcomed(): void;
  /** A `message` or a `gap`. The value is a view of what was read. */
  told(answer: Answer): void;
  closed(): void;
}

/** What waits behind it is told. */
const nobody: Waiting = { isDue: false, resolve: () => {}, reject: () => {} };

export class Link {
  readonly #path: string;
  readonly #events: LinkEvents;
  readonly #socket: Socket;
  readonly #reader = new FrameReader(MAX_ANSWER_BYTES);
  readonly #waiting = new Map<number, Waiting>();
  #due = 0;
  #unsent: Buffer[] = [];
  #unsentBytes = 0;
  #lastId = 0;
  #isOpen = false;
  #why: HeddleError | undefined;
  isClosed = false;

  constructor(path: string, events: LinkEvents) {
    this.#path = path;
    this.#events = events;
    this.#socket = connect({ path });
    this.#socket.unref();
    this.#socket.once("connect", () => (this.#isOpen = true));
    this.#socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on("error", (cause) => {
      this.#why ??= this.#isOpen ? interrupted(cause) : unreachable(this.#path, cause);
    });
    this.#socket.once("close", () => this.#end());
    this.#send(hello(), { ...nobody, resolve: () => this.#events.welcomed() });
  }

  ask(request: Request, waiting: Waiting): void {
    const isFull =
      this.#waiting.size >= MAX_WAITING || this.#unsentBytes + this.#socket.writableLength > MAX_UNSENT_BYTES;
    if (isFull) waiting.reject(busy(this.#waiting.size));
    else this.#send(request, waiting);
  }

  /** There is always room for it: an instance has few of them. */
  tell(request: Request): void {
    this.#send(request, nobody);
  }

  flush(): void {
    if (this.#unsent.length === 0) return;
    const frames = this.#unsent;
    this.#unsent = [];
    this.#unsentBytes = 0;
    this.#socket.write(frames.length === 1 ? frames[0]! : Buffer.concat(frames));
  }

  #send(request: Request, waiting: Waiting): void {
    const id = this.#nextId();
    if (waiting.isDue && this.#due++ === 0) this.#socket.ref();
    this.#waiting.set(id, waiting);
    if (this.#unsent.length === 0) process.nextTick(() => this.flush());
    const frame = encodeRequest(id, request);
    this.#unsent.push(frame);
    this.#unsentBytes += frame.length;
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
      const { status, number } = told.answer;
      if (status === STATUS.otherVersion) return this.#break(otherVersion(number));
      if (status === STATUS.message || status === STATUS.gap) this.#events.told(told.answer);
      else this.#answered(told.id, told.answer);
    }
    if (this.#due === 0) this.#socket.unref();
  }

  #answered(id: number, answer: Answer): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    if (waiting.isDue) this.#due--;
    waiting.resolve(answer);
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
    this.#events.closed();
  }
}

function hello(): Request {
  const namespace = String(process.pid);
  return { op: OP.hello, kind: 0, namespace, key: "", ttlMs: NO_TTL, number: VERSION, value: NOTHING };
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
  const message = `${count(waiting, "operation")} on the shared store already wait for their answers in this thread; at most ${MAX_WAITING}, or ${MAX_UNSENT_BYTES / 2 ** 20} MiB, may.`;
  return new HeddleError("SHARED_BUSY", message, { hint: "Await some before you begin more." });
}
