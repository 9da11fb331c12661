/** Connects this thread's actors with those of other threads: messages over the runtime, and requests with a reply. A module that
 * handles a kind of message registers for it here; no other file in this folder knows the runtime's links.
 *
 * In a server, threads of other workers are reached too (across/other-workers.ts). They have numbers beyond those of this worker
 * (across/thread-numbers.ts), so the rest of the library sees no difference.
 *
 * Messages from one thread are handled in the order of sending. That keeps signals between two actors in order. The sender
 * packs the values in messages (runtime/copy/message-packing.ts).
 */

import type { Transferable } from "node:worker_threads";
import { HeddleError, packThrown, unpackThrown, type WireError, type WireThrown } from "../../errors/errors.ts";
import { runtime, type Member } from "../../runtime/runtime.ts";
import { isHere, numberOf, seat, thisThread } from "../across/own-worker.ts";
import { OtherWorkers } from "../across/other-workers.ts";
import { MAX_UNSENT_BYTES } from "../across/far-link.ts";
import { localOf, threadText } from "../across/thread-numbers.ts";
import { isTimeUp } from "../../runtime/run-queue.ts";
import { inNextTurn, TurnPromise } from "../../runtime/turn-promise.ts";

export { thisThread } from "../across/own-worker.ts";

export type Message = readonly [kind: string, ...unknown[]];
type Handler = (from: number, ...rest: never[]) => void;
type Answerer = (from: number, ...rest: never[]) => unknown;

const SERVICE = "actors";

const handlers: Map<string, Handler> = new Map();
const answerers: Map<string, Answerer> = new Map();
const goneListeners: ((thread: number, why: HeddleError) => void)[] = [];
const addedListeners: ((thread: number) => void)[] = [];
const stopListeners: (() => void)[] = [];
const promotedListeners: ((name: string) => void)[] = [];

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

/** Undefined: no server, so there are no other workers. */
let others: OtherWorkers | undefined;

/** Lets other threads in. They have this thread import `module`, so it must import all modules that handle messages. */
export function openService(module: string): void {
  runtime().openService({
    name: SERVICE,
    module,
    receive: (from, payload) => received(numberOf(from), payload as Message),
    threadGone: (local, why) => {
      threadGone(numberOf(local), why);
      others?.threadGoneHere(numberOf(local), why);
    },
    stop: () => stopListeners.forEach((listener) => listener()),
    threadAdded: ({ id, role }: Member) => {
      if (role === "blocking") return;
      others?.threadAddedHere(numberOf(id));
      threadAdded(numberOf(id));
    },
  });
  if (seat === undefined) return;
  others = new OtherWorkers({
    seat,
    postHere: post,
    threadsHere: otherThreads,
    received: receivedFromAfar,
    threadAdded,
    threadGone,
    promoted: (name) => promotedListeners.forEach((listener) => listener(name)),
  });
}

function received(from: number, [kind, ...rest]: Message): void {
  handlers.get(kind)!(from, ...(rest as never[]));
}

/** What is behind it in the same chunk must still arrive. */
function receivedFromAfar(from: number, message: unknown): void {
  try {
    received(from, message as Message);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

function threadGone(thread: number, why: HeddleError): void {
  for (const listener of goneListeners) listener(thread, why);
}

function threadAdded(thread: number): void {
  for (const listener of addedListeners) listener(thread);
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

/** Called when this thread is about to be ended. */
export function onStop(listener: () => void): void {
  stopListeners.push(listener);
}

export function onThreadAdded(listener: (thread: number) => void): void {
  addedListeners.push(listener);
}

/**
 * False: that thread does not exist, or no longer. With a transfer list it is sent at once, else with the next batch.
 *
 * Of a thread of another worker it is always true: if it has ended, `onThreadGone` tells of that.
 *
 * @throws HeddleError for a thread of another worker: NOT_CLONEABLE, ACTOR_MESSAGE_TOO_LARGE
 */
export function post(thread: number, message: Message, transfer?: readonly Transferable[]): boolean {
  if (!isHere(thread)) return postAfar(thread, message, transfer);
  if (transfer === undefined || transfer.length === 0) return runtime().post(localOf(thread), SERVICE, message);
  return runtime().postNow(localOf(thread), SERVICE, message, transfer);
}

function postAfar(thread: number, message: Message, transfer: readonly Transferable[] = []): boolean {
  if (others === undefined) return false;
  others.post([thread], message);
  // It was copied. But the sender was promised to have it no longer.
  if (transfer.length > 0) structuredClone(undefined, { transfer: [...transfer] as ArrayBuffer[] });
  return true;
}

/**
 * For what a program sends. What the library itself says is posted in any case.
 *
 * @throws HeddleError ACTOR_LINK_FULL: too much waits to be sent to that thread, which is another worker's
 */
export function refuseIfFull(thread: number): void {
  if (others?.isFull(thread) === true) throw linkFull(thread);
}

export function isLinkFull(thread: number): boolean {
  return others?.isFull(thread) === true;
}

/** To all threads that may have actors, of all workers, except this one. */
export function broadcast(message: Message, except?: number): void {
  broadcastHere(message, except);
  if (others !== undefined) others.post(others.threads, message);
}

/** The same, of this worker. */
export function broadcastHere(message: Message, except?: number): void {
  for (const thread of otherThreads()) if (thread !== except) post(thread, message);
}

/** Those of this worker. */
export function otherThreads(): number[] {
  const local = [...runtime().threads()].filter((id) => id !== runtime().self && hasActors(id));
  return local.map(numberOf);
}

/** Of this worker. */
export function mayHaveActors(thread: number): boolean {
  return isHere(thread) && hasActors(localOf(thread));
}

function hasActors(local: number): boolean {
  const role = runtime().roleOf(local);
  return role !== undefined && role !== "blocking";
}

/** Sends what was posted to other threads now. */
export function flush(): void {
  others?.flush();
  runtime().flush();
}

/** On the root: a name for an actor of this worker. The number of its registration, or 0: it is taken. `may`: bits of MAY. */
export async function claimName(name: string, may: number): Promise<number> {
  return others === undefined ? ++lastNumber : await others.claim(name, may);
}

/** On the root: the registration waits until one before it is released. */
export function isWaiting(number: number): boolean {
  return others?.waits(number) === true;
}

/** On the root. Called with the name when a registration of this worker waits no longer. */
export function onPromoted(listener: (name: string) => void): void {
  promotedListeners.push(listener);
}

/** On the root: whether it is a thread of this worker that takes the place of the other one. */
export function replacesThread(thread: number, replaced: number): boolean {
  return runtime().adopted?.replaces(localOf(thread), localOf(replaced)) === true;
}

let lastNumber = 0;

/** On the root: the actor does not have it any more. */
export function releaseName(name: string, number: number): void {
  others?.release(name, number);
}

/** Asks a thread, or answers here if it is this one. Rejects with ACTOR_NO_THREAD if the thread is gone or ends first. */
export async function ask(thread: number, topic: string, ...args: readonly unknown[]): Promise<unknown> {
  if (thread === thisThread) {
    // The question is answered at once. Who asks in a loop lets others run.
    if (isTimeUp()) return await askAndYield(topic, args as never[]);
    return await answerers.get(topic)!(thisThread, ...(args as never[]));
  }
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

async function askAndYield(topic: string, args: never[]): Promise<unknown> {
  try {
    return await answerers.get(topic)!(thisThread, ...args);
  } finally {
    await inNextTurn(undefined);
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

onMessage("farJoin", () => {});
onMessage("farOut", (_from: number, frames: Uint8Array) => others!.sendFor(frames));
onMessage("farIn", (_from: number, frames: Uint8Array) => others!.receive(frames));
onMessage("farThreads", (_from: number, threads: readonly number[]) => others!.learn(threads));
onMessage("farGone", (_from: number, worker: number) => others!.forgetWorker(worker));
onMessage("threads", (_from: number, threads: readonly number[]) => others!.learn(threads));
onMessage("threadGone", (_from: number, thread: number, why: WireError) => others!.forgetThread(thread, why));

/** For `catch` behind an `ask`: a thread that is gone has nothing to say. */
export function ifThreadGone(error: unknown): undefined {
  if (error instanceof HeddleError && error.code === "ACTOR_NO_THREAD") return undefined;
  throw error;
}

export function noThread(thread: number): HeddleError {
  return new HeddleError("ACTOR_NO_THREAD", `there is no ${threadText(thread)} with actors (any more).`);
}

function linkFull(thread: number): HeddleError {
  return new HeddleError(
    "ACTOR_LINK_FULL",
    `more than ${MAX_UNSENT_BYTES / 2 ** 20} MiB wait here for ${threadText(thread)}, which does not read them.`,
    { hint: "Its event loop is blocked, or more is sent than it can take. Use call(), which waits for an answer." },
  );
}
