/**
 * The inspector's connection to the threads of this process. It can query a thread whose loop does not turn. It needs no
 * cooperation of the thread, which answers in the middle of its work, or when its native call returns.
 *
 * There is one connection for each asking thread, from the first question to the end. Without questions it has no measurable
 * cost.
 *
 * Rejected: a connection for each question. Connecting visits all threads. When a thread started or ended meanwhile, the
 * process crashed (Node 26.10; seen within seconds where threads come and go as with `thread-per-request`).
 *
 * The inspector's events may come in the middle of any statement of this thread, even within node's own code. So their
 * handlers only store what they report.
 */

import { Session } from "node:inspector";
import { isMainThread } from "node:worker_threads";
import { messageOf } from "../../errors/errors.ts";
import { threadIdIn } from "../../platform/node-internals/inspected-threads.ts";
import { clearInterval, clearTimeout, setInterval, setTimeout } from "../../kit/native-timers.ts";

const MAIN_THREAD_ID = 0;
/** The inspector does not always wake a sleeping loop. A loop with a timer wakes soon enough. */
const AWAKE_MS = 20;

interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly result?: unknown;
  readonly params?: unknown;
}

interface Waiting {
  readonly threadId: number;
  /** The id of a question, or the name of an event. */
  readonly what: number | string;
  readonly settle: (answer: unknown) => void;
}

class ThreadInspector {
  readonly #session = new Session();
  /** The thread's id, by the inspector's session id. */
  readonly #threads = new Map<string, number>();
  readonly #waiting = new Set<Waiting>();
  /** Resolves when it is connected to all threads. */
  readonly #connected: Promise<void>;
  #asked = 0;
  #isOver = false;

  constructor() {
    this.#session.on("NodeWorker.attachedToWorker", ({ params }) => {
      const threadId = threadIdIn(params.workerInfo.title);
      if (threadId === undefined) tellOpaque(`their titles are like ${JSON.stringify(params.workerInfo.title)}`);
      else this.#threads.set(params.sessionId, threadId);
    });
    this.#session.on("NodeWorker.detachedFromWorker", ({ params }) => {
      const gone = this.#threads.get(params.sessionId);
      this.#threads.delete(params.sessionId);
      for (const { threadId, settle } of this.#waiting) if (threadId === gone) settle(undefined);
    });
    this.#session.on("NodeWorker.receivedMessageFromWorker", ({ params }) => {
      const { id, method, result, params: event } = JSON.parse(params.message) as Answer;
      const from = this.#threads.get(params.sessionId);
      for (const { threadId, what, settle } of this.#waiting) {
        if (threadId === from && what === (id ?? method)) settle(result ?? event);
      }
    });
    // Of the main thread, asked by another one.
    this.#session.on("Debugger.paused", ({ params }) => {
      for (const { threadId, what, settle } of this.#waiting)
        if (threadId === MAIN_THREAD_ID && what === "Debugger.paused") settle(params);
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#connected = promise;
    try {
      if (isMainThread) this.#session.connect();
      else this.#session.connectToMainThread();
      this.#session.post("NodeWorker.enable", { waitForDebuggerOnStart: false }, () => resolve());
    } catch (error) {
      // Node runs with --permission. Then no thread can be asked, but everything else works.
      resolve();
      tellOpaque(messageOf(error));
    }
  }

  /** Undefined: there is no such thread, or no longer, it refused, or it has not answered in time. */
  async ask(threadId: number, method: string, params: object, timeoutMs: number): Promise<unknown> {
    if (this.#isOver) return undefined;
    await this.#connected;
    const id = ++this.#asked;
    const answer = this.#wait(threadId, id, timeoutMs);
    if (threadId === MAIN_THREAD_ID) this.#askMain(id, method, params);
    else this.#send(threadId, { id, method, params });
    return await answer;
  }

  /** Sends a command, and does not wait for the answer. */
  tell(threadId: number, method: string): void {
    if (this.#isOver) return;
    if (threadId === MAIN_THREAD_ID) this.#session.post(method);
    else this.#send(threadId, { id: ++this.#asked, method, params: {} });
  }

  /** For good: questions that wait are not answered. */
  disconnect(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#session.disconnect();
    for (const { settle } of this.#waiting) settle(undefined);
  }

  /** The next event of this kind. Undefined as with `ask`. */
  event(threadId: number, method: string, timeoutMs: number): Promise<unknown> {
    return this.#wait(threadId, method, timeoutMs);
  }

  async #wait(threadId: number, what: number | string, timeoutMs: number): Promise<unknown> {
    const { promise, resolve: settle } = Promise.withResolvers<unknown>();
    const waiting: Waiting = { threadId, what, settle };
    const timer = setTimeout(settle, timeoutMs, undefined);
    const awake = setInterval(() => {}, AWAKE_MS);
    this.#waiting.add(waiting);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      clearInterval(awake);
      this.#waiting.delete(waiting);
    }
  }

  /** The process's main thread, asked by another one: the session is its own. */
  #askMain(id: number, method: string, params: object): void {
    this.#session.post(method, params, (error: Error | null, result?: object) => {
      for (const { threadId, what, settle } of this.#waiting) {
        if (threadId === MAIN_THREAD_ID && what === id) settle(error === null ? result : undefined);
      }
    });
  }

  #send(threadId: number, message: object): void {
    if (this.#isOver) return;
    const sessionId = [...this.#threads].find(([, id]) => id === threadId)?.[0];
    if (sessionId !== undefined) {
      this.#session.post("NodeWorker.sendMessageToWorker", { sessionId, message: JSON.stringify(message) });
      return;
    }
    for (const waiting of this.#waiting) if (waiting.threadId === threadId) waiting.settle(undefined);
  }
}

export type { ThreadInspector };

let isToldOpaque = false;

/** Once for each asking thread. */
function tellOpaque(why: string): void {
  if (isToldOpaque) return;
  isToldOpaque = true;
  process.emitWarning(`blocked threads cannot be inspected: ${why}`, {
    type: "HeddleWarning",
    code: "THREADS_OPAQUE",
  });
}

let connection: ThreadInspector | undefined;

/** This thread's connection. Where threads come and go all the time, call it before the first of them starts. */
export function threadInspector(): ThreadInspector {
  return (connection ??= new ThreadInspector());
}

/** For a process that ends. Node would wait for this connection, as for a debugger's. */
export function disconnectInspector(): void {
  connection?.disconnect();
}
