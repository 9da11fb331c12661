/**
 * What the threads of the task library say to each other: arrays that begin with a number from OP, over the runtime. Each
 * number has one handler, filed by the module whose business it is.
 */

import type { Transferable } from "node:worker_threads";
import type { HeddleError } from "../errors/errors.ts";
import { runtime, type Runtime, isRuntimeThread } from "../runtime/runtime.ts";

export const OP = {
  /** [, claims]: the cells of the sender's selects. */
  claims: 0,
  /** [, channel, first id, value, value …]: plain values; the ids count up. */
  send: 1,
  /** [, id, channel] */
  receive: 2,
  /** [, id, channel, value, markers]: only if it needs no waiting. */
  trySend: 3,
  /** [, id, channel] */
  tryReceive: 4,
  /** [, id, claim, [index, channel, "receive"] or [index, channel, "send", value, markers] …]: the cases of a select. */
  offer: 5,
  /** [, id, the same cases]: one of those that are ready, or none. */
  poll: 6,
  /** [, id]: the select is over. */
  withdraw: 7,
  /** [, id, channel] */
  close: 8,
  /** [, id, index, value, markers] to send, receive, offer …; the index of the case, or what became of it. */
  answer: 9,
  /** [, id, error] */
  refusal: 10,
  /** [, object, weight]: a stand-in is no longer used. */
  drop: 11,
  /** [, job, url, name, args, markers, claim] */
  run: 12,
  /** [, job]: it has started. */
  started: 13,
  /** [, job, value, markers] */
  succeeded: 14,
  /** [, job, error] */
  failed: 15,
  /** [, job, error]: its context is to be cancelled. */
  cancel: 16,
  /** []: the sender has nothing to do. */
  hungry: 17,
  /** [, id, kind, object, method, args, markers]: an operation of a lock or the like. */
  call: 18,
  /** [, context]: tell when it is cancelled. */
  follow: 19,
  /** [, context, error, cause] */
  canceled: 20,
  /** [, context, cause]: the stand-in's user cancels. */
  cancelContext: 21,
  /** [, id] */
  dump: 22,
  /** [, number, name]: what a number on the board stands for. */
  named: 23,
  /** [, id, channel, value, markers]: a value that is not plain, or moves. */
  sendPacked: 24,
  /** [, id, id …]: these were sent. */
  sent: 25,
} as const;

export type Op = (typeof OP)[keyof typeof OP];
export type Message = readonly [op: Op, ...rest: unknown[]];

const SERVICE = "heddle.tasks";

const handlers: ((from: number, message: readonly unknown[]) => void)[] = [];
const threadGoneListeners: ((thread: number, why: HeddleError) => void)[] = [];
let joined: Runtime | undefined;

/** `rest` is the message without its number. */
export function handle(op: Op, handler: (from: number, rest: readonly unknown[]) => void): void {
  handlers[op] = (from, message) => handler(from, message.slice(1));
}

/** Called when a thread has ended. */
export function onThreadGone(listener: (thread: number, why: HeddleError) => void): void {
  threadGoneListeners.push(listener);
}

/** What a thread has to say to itself, in its next microtask. */
export function tellSelf(message: Message): void {
  queueMicrotask(() => handlers[message[0]]!(connected().self, message));
}

/** With the runtime's next batch. The message must be made of copies. False: the thread is gone. */
export function tell(to: number, message: Message, transfer?: readonly Transferable[]): boolean {
  return transfer === undefined || transfer.length === 0
    ? connected().post(to, SERVICE, message)
    : connected().postNow(to, SERVICE, message, transfer);
}

/**
 * Tells many small things of a kind as one message, as long as nothing else is told in between: what a message costs is hardly
 * more for a hundred values than for one. `kind` tells what may go into one message.
 */
export class Stream {
  readonly #begin: (kind: number, first: number) => readonly unknown[];
  #to = -1;
  #kind = -1;
  #next = 0;
  #message: unknown[] = [];

  /** `begin`: a message's head, of its kind and the number of its first entry. */
  constructor(begin: (kind: number, first: number) => readonly unknown[]) {
    this.#begin = begin;
  }

  /** `number`: of the entry; those in one message count up. False: the thread is gone. */
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

/** Longer messages would save nothing more, and the other side could have begun. */
const STREAM_LENGTH = 256;

/** The runtime, with the service on it. */
export function connected(): Runtime {
  if (joined === undefined) {
    joined = runtime();
    joined.openService({
      name: SERVICE,
      // The library as a whole: all handlers must be there.
      module: new URL(`./index.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url).href,
      receive: (from, payload) => handlers[(payload as Message)[0]]!(from, payload as Message),
      threadGone: (thread, why) => threadGoneListeners.forEach((listener) => listener(thread, why)),
    });
  }
  return joined;
}

// On a thread of the runtime the library was imported for a message, which waits for the service. The handlers that are
// filed after this module has run come first.
if (isRuntimeThread()) queueMicrotask(connected);
