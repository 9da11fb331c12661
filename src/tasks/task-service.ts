/**
 * The messages of the task library between threads: arrays that begin with a number from OP, sent over the runtime. Each number
 * has one handler, registered by the module that it belongs to.
 */

import type { Transferable } from "node:worker_threads";
import type { HeddleError } from "../errors/errors.ts";
import { runtime, type Runtime, belongsToRuntime, type Service } from "../runtime/runtime.ts";

export const OP = {
  /** [, claims]: the cells of the sender's selects. */
  claims: 0,
  /** [, channel, first id, value, value …]: plain values; the ids count up. */
  send: 1,
  /** [, id, channel] */
  receive: 2,
  /** [, id, channel, value, markers, transfer]: only if it needs no waiting. */
  trySend: 3,
  /** [, id, channel] */
  tryReceive: 4,
  /** [, id, claim, whether to confirm, [index, channel, "receive"] or [index, channel, "send", value, markers] …]: the cases of a select. */
  offer: 5,
  /** [, id, the same cases]: executes one of the cases that are ready, or none. */
  poll: 6,
  /** [, id]: the select is over. */
  withdraw: 7,
  /** [, id, channel] */
  close: 8,
  /** [, id, index, value, markers] to send, receive, offer …; the index of the case, or the outcome. */
  answer: 9,
  /** [, id, error] */
  refusal: 10,
  /** [, object, weight]: a stand-in is no longer used. */
  drop: 11,
  /** [, job, url, name, args, markers, claim, whether it is unref'd] */
  run: 12,
  /** [, job]: it has started. */
  started: 13,
  /** [, job, value, markers] */
  succeeded: 14,
  /** [, job, error] */
  failed: 15,
  /** [, job, cause]: cancel its context. */
  cancel: 16,
  /** []: the sender has no work. */
  hungry: 17,
  /** [, id, kind, object, method, args, markers]: an operation of a lock or similar. */
  call: 18,
  /** [, context]: report when it is cancelled. */
  follow: 19,
  /** [, context, cancellation] */
  canceled: 20,
  /** [, context, cause]: the user of the stand-in cancels. */
  cancelContext: 21,
  /** [, id] */
  dump: 22,
  /** [, number, name]: the name for a number on the board. */
  named: 23,
  /** [, id, channel, value, markers, transfer]: a value that is not plain, or that is transferred. */
  sendPacked: 24,
  /** [, id, id …]: these sends are done. */
  sent: 25,
  /** [, id, the same cases as an offer]: which of them are ready? */
  look: 26,
  /** [, id]: the cases of an offer wait. */
  waits: 27,
  /** [, job]: the program need not wait for it. */
  unref: 28,
  /** [, id]: which tasks are parked, and where were those started that the thread has placed on others? */
  parked: 29,
  /** [, object, keeper]: to home. A reference for which that thread keeps its stand-in is not needed any more. */
  giveUp: 30,
  /** [, home, object]: home passes it on. */
  notKept: 31,
  /** [, what, number, value]: the fake time of tests; time/fake/protocol.ts. */
  time: 40,
  /** [, name, value]: a mode of all threads; inspect/modes.ts. */
  mode: 41,
  /** [, id, name]: a question about all tasks; inspect/questions.ts. */
  question: 42,
} as const;

export type Op = (typeof OP)[keyof typeof OP];
export type Message = readonly [op: Op, ...rest: unknown[]];

const SERVICE = "heddle.tasks";

/** The module of the whole library, in which all handlers and kinds of references exist. */
export const LIBRARY: string = new URL(`./index.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url)
  .href;

const handlers: ((from: number, message: readonly unknown[]) => void)[] = [];
const threadGoneListeners: ((thread: number, why: HeddleError) => void)[] = [];
const threadAddedListeners: ((thread: number) => void)[] = [];
let joined: Runtime | undefined;

/** `rest` is the message without its number. */
export function handle(op: Op, handler: (from: number, rest: readonly unknown[]) => void): void {
  handlers[op] = (from, message) => handler(from, message.slice(1));
}

/** Called when a thread has ended. */
export function onThreadGone(listener: (thread: number, why: HeddleError) => void): void {
  threadGoneListeners.push(listener);
}

export type EndListener = Required<Pick<Service, "unfinished" | "ending">>;
let endListener: EndListener | undefined;

/** Asked when the program may end. */
export function onEnd(listener: EndListener): void {
  endListener = listener;
}

let stopListener: (() => void) | undefined;

/** Called when this thread is about to be ended. */
export function onStop(listener: () => void): void {
  stopListener = listener;
}

/** Called when there is another thread. What is sent to it then arrives before what other threads send because of it. */
export function onThreadAdded(listener: (thread: number) => void): void {
  threadAddedListeners.push(listener);
}

/** Sends a message to this thread itself, in its next microtask. */
export function tellSelf(message: Message): void {
  queueMicrotask(() => handlers[message[0]]!(connected().self, message));
}

/** Sends with the runtime's next batch. The message must consist of copies. False: the thread is gone. */
export function tell(to: number, message: Message, transfer?: readonly Transferable[]): boolean {
  return transfer === undefined || transfer.length === 0
    ? connected().post(to, SERVICE, message)
    : connected().postNow(to, SERVICE, message, transfer);
}

/**
 * Sends many small entries of a kind as one message, as long as nothing else is sent in between: a message with a hundred
 * values costs hardly more than one with a single value. Only entries of the same `kind` go into one message.
 */
export class Stream {
  readonly #begin: (kind: number, first: number) => readonly unknown[];
  #to = -1;
  #kind = -1;
  #next = 0;
  #message: unknown[] = [];

  /** `begin`: makes a message's head, from its kind and the number of its first entry. */
  constructor(begin: (kind: number, first: number) => readonly unknown[]) {
    this.#begin = begin;
  }

  /** `number`: of the entry. The numbers in one message count up. False: the thread is gone. */
  tell(to: number, kind: number, number: number, entry: unknown): boolean {
    const message = this.#message;
    const fits = to === this.#to && kind === this.#kind && number === this.#next && message.length < STREAM_LENGTH;
    this.#next = number + 1;
    if (fits && connected().isOpen(to, message)) {
      message.push(entry);
      return true;
    }
    this.#to = to;
    this.#kind = kind;
    this.#message = [...this.#begin(kind, number), entry];
    return connected().post(to, SERVICE, this.#message);
  }
}

/** Longer messages would save nothing more, and the other side could have begun earlier. */
const STREAM_LENGTH = 256;

/** Whether this thread has used the runtime. */
export function isConnected(): boolean {
  return joined !== undefined;
}

/** The runtime, with the service on it. */
export function connected(): Runtime {
  if (joined === undefined) {
    joined = runtime();
    joined.openService({
      name: SERVICE,
      module: LIBRARY,
      receive: (from, payload) => handlers[(payload as Message)[0]]!(from, payload as Message),
      unfinished: () => endListener?.unfinished() ?? [],
      ending: async () => endListener?.ending(),
      stop: () => stopListener?.(),
      threadAdded: ({ id }) => threadAddedListeners.forEach((listener) => listener(id)),
      threadGone: (thread, why) => threadGoneListeners.forEach((listener) => listener(thread, why)),
    });
  }
  return joined;
}

// On a thread that belongs to a runtime, the library may have been imported because of a message, which waits for the service.
// Modules that are evaluated after this one register their handlers first.
if (belongsToRuntime()) queueMicrotask(connected);
