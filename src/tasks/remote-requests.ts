/** Pending requests of this thread to other threads. Each request has a number and settles once: by a reply, or because the other
 * thread has ended.
 */

import type { HeddleError } from "../errors/errors.ts";
import { unpack } from "../runtime/copy/message-packing.ts";
import { lostError } from "./homed-objects.ts";
import { connected, handle, onThreadGone, OP } from "./task-service.ts";
import { parkWith, type Waiter } from "./waiter.ts";
import { unpackThrown, type WireThrown } from "./wire-thrown.ts";

export interface Asker {
  answered(index: number, value: unknown): void;
  refused(error: unknown): void;
  /** It waits at the other thread. Told if the request asks for it; the answer comes later. */
  waits?(): void;
}

class Request {
  readonly thread: number;
  readonly what: string;
  readonly asker: Asker;

  constructor(thread: number, what: string, asker: Asker) {
    this.thread = thread;
    this.what = what;
    this.asker = asker;
  }
}

/** The answer that nothing has happened. */
export const NOTHING_READY = -1;

const requests = new Map<number, Request>();
let lastId = 0;

/** Opens a request to a thread about something ("channel", "lock"), and returns its number. `asker` gets the answer. */
export function openRequest(thread: number, what: string, asker: Asker): number {
  const id = ++lastId;
  requests.set(id, new Request(thread, what, asker));
  if (requests.size === 1) connected().retain();
  return id;
}

/** Nobody waits for the request any more. */
export function closeRequest(id: number): void {
  if (requests.delete(id) && requests.size === 0) connected().release();
}

/** A task that is parked until its request is answered. */
class Parked<T> implements Asker {
  readonly #waiter: Waiter;
  readonly #result: (index: number, value: unknown) => T;

  constructor(waiter: Waiter, result: (index: number, value: unknown) => T) {
    this.#waiter = waiter;
    this.#result = result;
  }

  answered(index: number, value: unknown): void {
    this.#waiter.wake(this.#result(index, value));
  }

  refused(error: unknown): void {
    this.#waiter.fail(error);
  }
}

export interface Question<T> {
  readonly thread: number;
  /** What the request is about: "channel", "lock". */
  readonly what: string;
  /** What the caller waits for, for a dump. */
  readonly where: string;
  /** Sends the request. False: the thread is gone. */
  readonly tell: (id: number) => boolean;
  /** Makes the result from an answer's index and value. */
  readonly result: (index: number, value: unknown) => T;
}

/** Parks the caller until the thread has answered. */
export function ask<T>({ thread, what, where, tell: tellThread, result }: Question<T>): Promise<T> {
  return parkWith<T>(where, (waiter) => {
    const id = openRequest(thread, what, new Parked(waiter, result));
    try {
      if (!tellThread(id)) refuse(id, lostError(what, thread, undefined));
    } catch (error) {
      refuse(id, error);
    }
  });
}

export function refuse(id: number, error: unknown): void {
  const asked = requests.get(id);
  closeRequest(id);
  asked?.asker.refused(error);
}

function answered(id: number, index: number, value: unknown): void {
  const asked = requests.get(id);
  closeRequest(id);
  asked?.asker.answered(index, value);
}

handle(OP.answer, (_from, [id, index, value, markers]) =>
  answered(id as number, index as number, unpack(value, markers as never)),
);

handle(OP.waits, (_from, [id]) => requests.get(id as number)?.asker.waits?.());

handle(OP.sent, (_from, ids) => {
  for (const id of ids) answered(id as number, 0, undefined);
});

handle(OP.refusal, (_from, [id, error]) => refuse(id as number, unpackThrown(error as WireThrown)));

onThreadGone((thread: number, why: HeddleError) => {
  for (const [id, { thread: asked, what }] of requests) {
    if (asked === thread) refuse(id, lostError(what, thread, why));
  }
});
