/** Connects this thread's actors with those of other threads: messages over the runtime, and requests with a reply. A module that
 * handles a kind of message registers for it here; no other file in this folder knows the runtime's links.
 *
 * Messages from one thread are handled in the order of sending. That keeps signals between two actors in order. The sender
 * packs the values in messages (runtime/copy/message-packing.ts).
 */

import type { Transferable } from "node:worker_threads";
import { HeddleError, packThrown, unpackThrown, type WireThrown } from "../../errors/errors.ts";
import { runtime, type Member } from "../../runtime/runtime.ts";
import { TurnPromise } from "../../runtime/turn-promise.ts";

export type Message = readonly [kind: string, ...unknown[]];
type Handler = (from: number, ...rest: never[]) => void;
type Answerer = (from: number, ...rest: never[]) => unknown;

const SERVICE = "actors";

const handlers: Map<string, Handler> = new Map();
const answerers: Map<string, Answerer> = new Map();
const goneListeners: ((thread: number, why: HeddleError) => void)[] = [];
const addedListeners: ((thread: number) => void)[] = [];

/** A question to another thread. Who asked goes on in a turn of its own. */
class Question extends TurnPromise<unknown> {
  readonly thread: number;

  constructor(thread: number) {
    super();
    this.thread = thread;
  }
}

const questions: Map<number, Question> = new Map();
let lastQuestion = 0;

/** The number of this thread. */
export const thisThread: number = runtime().self;

/** Lets other threads in. They have this thread import `module`, so it must import all modules that handle messages. */
export function openService(module: string): void {
  runtime().openService({
    name: SERVICE,
    module,
    receive: (from, payload) => {
      const [kind, ...rest] = payload as Message;
      handlers.get(kind)!(from, ...(rest as never[]));
    },
    threadGone: (thread, why) => {
      for (const listener of goneListeners) listener(thread, why);
    },
    threadAdded: ({ id, role }: Member) => {
      if (role !== "blocking") for (const listener of addedListeners) listener(id);
    },
  });
}

/** Registers the handler of a kind of message from other threads. */
export function onMessage(kind: string, handler: Handler): void {
  handlers.set(kind, handler);
}

/** Registers the handler of a request from other threads. If it throws, `ask` rejects with that error there. */
export function onQuestion(topic: string, answerer: Answerer): void {
  answerers.set(topic, answerer);
}

/** Called after all messages of that thread. */
export function onThreadGone(listener: (thread: number, why: HeddleError) => void): void {
  goneListeners.push(listener);
}

export function onThreadAdded(listener: (thread: number) => void): void {
  addedListeners.push(listener);
}

/** False: that thread does not exist, or no longer. With a transfer list it is sent at once, else with the next batch. */
export function post(thread: number, message: Message, transfer?: readonly Transferable[]): boolean {
  if (transfer === undefined || transfer.length === 0) return runtime().post(thread, SERVICE, message);
  return runtime().postNow(thread, SERVICE, message, transfer);
}

/** To all threads that may have actors, except this one. */
export function broadcast(message: Message, except?: number): void {
  for (const thread of otherThreads()) if (thread !== except) post(thread, message);
}

export function otherThreads(): number[] {
  return [...runtime().threads()].filter((thread) => thread !== thisThread && mayHaveActors(thread));
}

export function mayHaveActors(thread: number): boolean {
  const role = runtime().roleOf(thread);
  return role !== undefined && role !== "blocking";
}

/** Asks a thread, or answers here if it is this one. Rejects with ACTOR_NO_THREAD if the thread is gone or ends first. */
export async function ask(thread: number, topic: string, ...args: readonly unknown[]): Promise<unknown> {
  if (thread === thisThread) return await answerers.get(topic)!(thisThread, ...(args as never[]));
  const id = ++lastQuestion;
  if (!post(thread, ["ask", id, topic, ...args])) throw noThread(thread);
  const question = new Question(thread);
  questions.set(id, question);
  runtime().retain();
  try {
    return await question.promise;
  } finally {
    questions.delete(id);
    runtime().release();
  }
}

onMessage("ask", (from: number, id: number, topic: string, ...args: never[]) => void answer(from, id, topic, args));

async function answer(to: number, id: number, topic: string, args: never[]): Promise<void> {
  try {
    post(to, ["answer", id, await answerers.get(topic)!(to, ...args)]);
  } catch (error) {
    post(to, ["failed", id, packThrown(error)]);
  }
}

onMessage("answer", (_from: number, id: number, value: unknown) => questions.get(id)?.resolve(value));
onMessage("failed", (_from: number, id: number, thrown: WireThrown) => questions.get(id)?.reject(unpackThrown(thrown)));

onThreadGone((gone) => {
  for (const question of questions.values()) if (question.thread === gone) question.reject(noThread(gone));
});

/** For `catch` behind an `ask`: a thread that is gone has nothing to say. */
export function ifThreadGone(error: unknown): undefined {
  if (error instanceof HeddleError && error.code === "ACTOR_NO_THREAD") return undefined;
  throw error;
}

export function noThread(thread: number): HeddleError {
  return new HeddleError("ACTOR_NO_THREAD", `there is no thread ${thread} with actors (any more).`);
}
