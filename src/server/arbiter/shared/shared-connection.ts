/**
 * An instance's connection to the store and to the channels, on the arbiter's side. The other end is `shared/link.ts`.
 *
 * The arbiter must neither stand still nor grow, whatever an instance does:
 * - What came in one chunk (64 KiB at most) is answered in one write. If it holds so many messages that more than FAN_OUT copies of
 *   them are passed on, the rest of the chunk waits for the next turn of the loop.
 * - An instance that does not read is not read either, from UNREAD_BYTES on. Messages for it are dropped (`outbox.ts`).
 * - A frame that is no request ends the connection. One that is too long is not kept, but skipped and refused: others of the same
 *   thread wait for answers too. Whoever has not said hello is no instance: then it ends the connection.
 * - A claim that is answered later, when it does not read, is told to make its value for itself.
 */

import type { Socket } from "node:net";
import { FrameReader } from "../../../kit/bytes/frame-reader.ts";
import {
  type Answer,
  decodeRequest,
  encodeAnswer,
  KIND,
  maxRequestBytes,
  NO_TTL,
  NOTHING,
  OP,
  type Request,
  REQUEST_HEAD,
  requestId,
  STATUS,
  VERSION,
} from "../../../shared/protocol.ts";
import type { Client } from "../../../shared/store/leases.ts";
import type { Store } from "../../../shared/store/store.ts";
import { type Channels, MAX_CHANNELS, type Member } from "./channels.ts";
import { Outbox } from "./outbox.ts";

const UNREAD_BYTES = 2 ** 20;
const FAN_OUT = 10_000;

export interface ConnectionOptions {
  readonly store: Store;
  readonly channels: Channels;
  /** What waits for it before messages to it are dropped. */
  readonly outboxBytes?: number | undefined;
  readonly onFault: (what: string) => void;
  /** A message to this instance was dropped. */
  readonly onDropped: (instance: string) => void;
}

export class SharedConnection implements Client, Member {
  readonly claims: Client["claims"] = new Set();
  readonly joined: Member["joined"] = new Map();
  readonly outbox: Outbox;
  readonly #store: Store;
  readonly #channels: Channels;
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  readonly #onFault: (what: string) => void;
  #instance = "a process";
  /** How many messages may be passed on in this turn. */
  #fanOut = 0;
  #isWorking = false;

  constructor(socket: Socket, { store, channels, outboxBytes, onFault, onDropped }: ConnectionOptions) {
    this.#store = store;
    this.#channels = channels;
    this.#socket = socket;
    this.#onFault = onFault;
    this.#reader = new FrameReader(maxRequestBytes(store.maxValueBytes));
    // Its listener for `drain` comes first.
    this.outbox = new Outbox(socket, {
      ...(outboxBytes !== undefined && { maxBytes: outboxBytes }),
      onDropped: () => onDropped(this.#instance),
    });
    socket.on("data", (chunk: Buffer) => {
      this.#reader.push(chunk);
      this.#work();
    });
    socket.on("drain", () => this.#work());
    // Its end is all there is to know.
    socket.on("error", () => {});
    socket.once("close", () => {
      store.gone(this);
      channels.gone(this);
    });
  }

  #work(): void {
    if (this.#socket.destroyed) return;
    this.#isWorking = true;
    this.#fanOut = FAN_OUT;
    let isMore = true;
    while (isMore && !this.#isUnread && this.#fanOut > 0) {
      const frame = this.#reader.next();
      isMore = frame !== undefined;
      if (frame !== undefined && !this.#perform(frame)) break;
      // The kernel may take them all: then more can be read.
      if (!isMore || this.#isUnread) this.outbox.flush();
    }
    this.#isWorking = false;
    this.#channels.flush();
    if (this.#socket.destroyed) return;
    if (!isMore) this.#socket.resume();
    else {
      // What is left in the chunk is read after `drain`, or in the next turn.
      this.#socket.pause();
      this.outbox.flush();
      if (this.#fanOut <= 0) setImmediate(() => this.#work());
    }
  }

  get #isUnread(): boolean {
    return this.outbox.bytes > UNREAD_BYTES;
  }

  /** False: the connection has ended. */
  #perform(frame: Buffer | "too-large"): boolean {
    if (frame === "too-large" && this.#reader.head !== undefined) {
      this.#reply(requestId(this.#reader.head), answerOf(STATUS.tooLarge));
      return true;
    }
    const told = frame === "too-large" ? undefined : decodeRequest(frame);
    if (told === undefined) {
      this.#onFault(frame === "too-large" ? "a request that is too long" : "what is no request");
      this.#socket.destroy();
      return false;
    }
    const { id, request } = told;
    const answer = this.#answer(request);
    if (answer === undefined) this.#store.perform(request, this, (later) => this.#reply(id, later));
    else this.#reply(id, answer);
    return true;
  }

  /** undefined: the store does. */
  #answer(request: Request): Answer | undefined {
    switch (request.op) {
      case OP.hello:
        if (/^\d+$/.test(request.namespace)) this.#instance = `process ${request.namespace}`;
        if (request.number !== VERSION) return answerOf(STATUS.otherVersion, VERSION);
        this.#reader.skipLong(REQUEST_HEAD);
        return answerOf(STATUS.ok);
      case OP.publish:
        if (request.value.length > this.#store.maxValueBytes) return answerOf(STATUS.tooLarge);
        this.#fanOut -= this.#channels.publish(this, request);
        return answerOf(STATUS.ok);
      case OP.subscribe: {
        const number = this.#channels.subscribe(this, request.namespace);
        return number === undefined ? answerOf(STATUS.tooMany, MAX_CHANNELS) : answerOf(STATUS.ok, number);
      }
      case OP.unsubscribe:
        this.#channels.unsubscribe(this, request.namespace);
        return answerOf(STATUS.ok);
      default:
        return undefined;
    }
  }

  #reply(id: number, answer: Answer): void {
    const isLate = !this.#isWorking;
    this.outbox.answer(encodeAnswer(id, isLate && this.#isUnread ? answerOf(STATUS.granted) : answer));
    if (isLate) this.outbox.flush();
  }
}

function answerOf(status: number, number: number = 0): Answer {
  return { status, kind: KIND.none, ttlMs: NO_TTL, number, version: 0, value: NOTHING };
}
