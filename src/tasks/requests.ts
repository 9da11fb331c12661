/**
 * What this thread has asked of others and waits for. Each request has a number and settles once: by an answer, or because the
 * other thread has ended.
 */

import type { Transferable } from "node:worker_threads";
import { type HeddleError, unpackThrown, type WireThrown } from "../errors/errors.ts";
import { unpack } from "../fabric/packing.ts";
import { lostError } from "./homed.ts";
import { connected, handle, onThreadGone, OP, tell, type Message } from "./service.ts";

export interface Asker {
  answered(index: number, value: unknown): void;
  refused(error: unknown): void;
}

interface Request extends Asker {
  readonly thread: number;
  readonly what: string;
}

/** Answers that say that nothing has happened. */
export const NOTHING_READY = -1;

const requests = new Map<number, Request>();
let lastId = 0;

/** The number for a request to a thread about something ("channel", "lock"), which `asker` hears of. */
export function openRequest(thread: number, what: string, asker: Asker): number {
  const id = ++lastId;
  requests.set(id, Object.assign(Object.create(null) as object, { thread, what }, asker));
  if (requests.size === 1) connected().retain();
  return id;
}

/** Nobody waits for it any more. */
export function closeRequest(id: number): void {
  if (requests.delete(id) && requests.size === 0) connected().release();
}

/** Asks, and settles with the value of the answer; `then` makes the result of its index and value. */
export function request<T>(
  thread: number,
  what: string,
  message: (id: number) => Message,
  then: (index: number, value: unknown) => T,
  transfer?: readonly Transferable[],
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const id = openRequest(thread, what, {
      answered: (index, value) => resolve(then(index, value)),
      refused: reject,
    });
    try {
      if (!tell(thread, message(id), transfer)) refuse(id, lostError(what, thread, undefined));
    } catch (error) {
      refuse(id, error);
    }
  });
}

export function refuse(id: number, error: unknown): void {
  const asked = requests.get(id);
  closeRequest(id);
  asked?.refused(error);
}

handle(OP.answer, (_from, [id, index, value, markers]) => {
  const asked = requests.get(id as number);
  closeRequest(id as number);
  asked?.answered(index as number, unpack(value, markers as never));
});

handle(OP.refusal, (_from, [id, error]) => refuse(id as number, unpackThrown(error as WireThrown)));

onThreadGone((thread: number, why: HeddleError) => {
  for (const [id, { thread: asked, what }] of requests) {
    if (asked === thread) refuse(id, lostError(what, thread, why));
  }
});
