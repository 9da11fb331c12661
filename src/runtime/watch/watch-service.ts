/**
 * The root's view of the tasks and actors on the other threads of the runtime. Threads that the server has started itself it asks
 * by its own channels; this service is for those that only the runtime knows.
 *
 * Importing this module opens the service, which makes a thread without a runtime a root. So it is imported when there is one.
 *
 *   root                   another thread
 *     ask, question      → ← answer
 *     watch              → ← row       its counts, in shared memory
 *
 * A thread that does not answer in time is looked at from outside (threads/runaway-threads.ts).
 */

import { clearTimeout, setTimeout } from "../../kit/native-timers.ts";
import { runtime } from "../runtime.ts";
import { answerHere, type UnitAnswer, type UnitQuestion } from "./unit-look.ts";
import { type PublishedRow, publishCounts } from "./unit-publisher.ts";
import { CountsRow } from "./unit-counts.ts";

type Message =
  | readonly ["ask", id: number, question: UnitQuestion]
  | readonly ["answer", id: number, answer: UnitAnswer | undefined]
  | readonly ["watch"]
  | readonly ["row", row: PublishedRow];

const SERVICE = "heddle.watch";

const { self, role, board } = runtime();
const questions = new Map<number, { readonly thread: number; readonly settle: (answer?: UnitAnswer) => void }>();
const watched = new Map<number, CountsRow | undefined>();
let asked = 0;
let tellRow: ((row: PublishedRow) => void) | undefined;

function post(to: number, message: Message): void {
  runtime().post(to, SERVICE, message);
}

async function answer(to: number, id: number, question: UnitQuestion): Promise<void> {
  post(to, ["answer", id, await answerHere(question)]);
}

function receive(from: number, message: Message): void {
  switch (message[0]) {
    case "ask":
      void answer(from, message[1], message[2]);
      break;
    case "answer":
      questions.get(message[1])?.settle(message[2]);
      break;
    case "watch":
      publishCounts((row) => post(from, ["row", row]));
      break;
    case "row":
      watched.set(from, new CountsRow(message[1].row));
      tellRow?.(message[1]);
      break;
  }
}

runtime().openService({
  name: SERVICE,
  module: import.meta.url,
  receive: (from, payload) => receive(from, payload as Message),
  // When it is attached: its messages and its end come later.
  threadAdded: () => queueMicrotask(watchNew),
  threadGone: (thread) => {
    for (const question of questions.values()) if (question.thread === thread) question.settle();
    watched.get(thread)?.close();
    watched.delete(thread);
  },
});

/** Threads of the runtime that it has started by itself. */
function ownThreads(): number[] {
  return [...runtime().threads()].filter((thread) => {
    const role = runtime().roleOf(thread);
    const isOwn = runtime().adopted?.get(thread) === undefined;
    return thread !== self && isOwn && (role === "scheduler" || role === "blocking");
  });
}

/** Watches those that there are, and those that come later. `tell` gets their rows. On the root. */
export function watchThreads(tell: (row: PublishedRow) => void): void {
  tellRow = tell;
  watchNew();
}

function watchNew(): void {
  if (role !== "root" || tellRow === undefined) return;
  for (const thread of ownThreads()) {
    if (watched.has(thread)) continue;
    watched.set(thread, undefined);
    post(thread, ["watch"]);
  }
}

/** Asks those that the runtime has started by itself. On the root; elsewhere nobody is asked. */
export async function askThreads(question: UnitQuestion, timeoutMs: number): Promise<UnitAnswer[]> {
  if (role !== "root") return [];
  const answers = await Promise.all(ownThreads().map((thread) => ask(thread, question, timeoutMs)));
  return answers.filter((each) => each !== undefined);
}

async function ask(thread: number, question: UnitQuestion, timeoutMs: number): Promise<UnitAnswer | undefined> {
  const id = ++asked;
  const late = Symbol();
  const { promise, resolve } = Promise.withResolvers<UnitAnswer | undefined | typeof late>();
  questions.set(id, { thread, settle: resolve });
  const timer = setTimeout(() => resolve(late), timeoutMs);
  post(thread, ["ask", id, question]);
  const found = await promise;
  clearTimeout(timer);
  questions.delete(id);
  return found === late ? await lookFromOutside(thread) : found;
}

async function lookFromOutside(thread: number): Promise<UnitAnswer> {
  const { runaways } = runtime();
  const forMs = Math.round(board.silentMs(thread));
  const look = await runaways?.lookAt(thread);
  const { functionName, location } = look?.frame ?? {};
  const frame = location === undefined ? undefined : `${functionName} (${location})`;
  const unit = look?.turn === undefined ? undefined : `${look.turn.what} ${look.turn.name ?? look.turn.id}`;
  return { threadId: undefined, thread, role: runtime().roleOf(thread), silent: { forMs, unit, frame } };
}
