/**
 * An instance's connection to the store, on the arbiter's side. The other end is `shared/arbiter-transport.ts`.
 *
 * The arbiter must neither stand still nor grow, whatever an instance does:
 * - What came in one chunk (64 KiB at most) is answered in one write.
 * - An instance that does not read its answers is not read either, from UNREAD_BYTES on.
 * - A frame that is too long, or is none, ends the connection.
 * - A claim that is answered later, when it does not read, is told to make its value for itself.
 */

import type { Socket } from "node:net";
import { FrameReader } from "../../../shared/frames.ts";
import {
  type Answer,
  decodeRequest,
  encodeAnswer,
  KIND,
  maxRequestBytes,
  NO_TTL,
  NOTHING,
  OP,
  STATUS,
  VERSION,
} from "../../../shared/protocol.ts";
import type { Client } from "../../../shared/store/leases.ts";
import type { Store } from "../../../shared/store/store.ts";

const UNREAD_BYTES = 2 ** 20;

export class SharedConnection implements Client {
  readonly claims: Client["claims"] = new Set();
  readonly #store: Store;
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  readonly #onFault: (what: string) => void;
  #answers: Buffer[] = [];
  #answerBytes = 0;
  #isWorking = false;

  constructor(store: Store, socket: Socket, onFault: (what: string) => void) {
    this.#store = store;
    this.#socket = socket;
    this.#onFault = onFault;
    this.#reader = new FrameReader(maxRequestBytes(store.maxValueBytes));
    socket.on("data", (chunk: Buffer) => {
      this.#reader.push(chunk);
      this.#work();
    });
    socket.on("drain", () => this.#work());
    // Its end is all there is to know.
    socket.on("error", () => {});
    socket.once("close", () => store.gone(this));
  }

  #work(): void {
    this.#isWorking = true;
    let isMore = true;
    while (isMore && !this.#isUnread) {
      const frame = this.#reader.next();
      isMore = frame !== undefined;
      if (frame !== undefined && !this.#perform(frame)) return;
      // The kernel may take them all: then more can be read.
      if (!isMore || this.#isUnread) this.#flush();
    }
    this.#isWorking = false;
    // What is left in the chunk is read after `drain`.
    if (isMore) this.#socket.pause();
    else this.#socket.resume();
  }

  get #isUnread(): boolean {
    return this.#answerBytes + this.#socket.writableLength > UNREAD_BYTES;
  }

  /** False: the connection has ended. */
  #perform(frame: Buffer | "too-large"): boolean {
    const told = frame === "too-large" ? undefined : decodeRequest(frame);
    if (told === undefined) {
      this.#onFault(frame === "too-large" ? "a request that is too long" : "what is no request");
      this.#socket.destroy();
      return false;
    }
    const { id, request } = told;
    if (request.op !== OP.hello) {
      this.#store.perform(request, this, (answer) => this.#reply(id, answer));
      return true;
    }
    if (request.number === VERSION) this.#reply(id, answerOf(STATUS.ok));
    else this.#reply(id, { ...answerOf(STATUS.otherVersion), number: VERSION });
    return true;
  }

  #reply(id: number, answer: Answer): void {
    const isLate = !this.#isWorking;
    const frame = encodeAnswer(id, isLate && this.#isUnread ? answerOf(STATUS.granted) : answer);
    this.#answers.push(frame);
    this.#answerBytes += frame.length;
    if (isLate) this.#flush();
  }

  #flush(): void {
    if (this.#answers.length === 0) return;
    const answers = this.#answers;
    this.#answers = [];
    this.#answerBytes = 0;
    this.#socket.write(answers.length === 1 ? answers[0]! : Buffer.concat(answers));
  }
}

function answerOf(status: number): Answer {
  return { status, kind: KIND.none, ttlMs: NO_TTL, number: 0, version: 0, value: NOTHING };
}
