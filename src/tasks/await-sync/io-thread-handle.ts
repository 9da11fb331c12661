/**
 * The I/O thread of the calling thread, on the calling thread's side. Its own side is `io-thread-main.ts`.
 *
 *   none → starting → ready → none        the first call starts it; it is kept, and replaced when it is dead or deaf
 *
 * Invariants
 * - Nothing here needs the calling thread's event loop, which is blocked. Messages are read from the port after a wake-up or a
 *   look. The port also shows whether the thread lives: it closes with it.
 * - A thread is judged dead only when all of its messages were read.
 * - If a thread was told to stop a task and does not acknowledge within HEARING_MS, it computes or blocks, and is killed.
 *   While it starts or imports a module, it gets more time. Otherwise it would never get past a slow import.
 * - It keeps no program alive, and ends with the calling thread (Node ends a thread's threads).
 *
 * Rejected: a third thread that watches for this one's `exit` (one more thread for each calling thread, to see what the port
 * shows), and one I/O thread for all (a task that blocks would delay every thread's calls).
 */

import {
  isMainThread,
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  resourceLimits,
  threadId,
  type Transferable,
  type Worker,
} from "node:worker_threads";
import { fromWire, HeddleError, messageOf, packThrown } from "../../errors/errors.ts";
import type { BlockingRules } from "../../runtime/blocking.ts";
import { monotonicMs } from "../../kit/clock.ts";
import { perThread } from "../../kit/per-thread.ts";
import { startThread } from "../../supervise/start-thread.ts";
import type { WakeWord } from "../../kit/wake-word.ts";
import type { FromIo, IoBoot, ToIo } from "./io-thread-protocol.ts";
import { refOf, type TaskRef } from "../jobs/task.ts";

/** A loop that turns acknowledges within one round, and within this even on a busy machine. */
const HEARING_MS = 500;
/** An import may take long on a cold disk. One that takes longer than this hangs. */
const IMPORTING_MS = 30_000;

export type Outcome = FromIo & { readonly type: "returned" | "threw" };

/** This thread's I/O thread. */
const own = perThread<{ thread: IoThread | undefined }>("io-thread", () => ({ thread: undefined }));

/** Returns this thread's I/O thread. Starts one if none is alive and responsive. */
export function ioThread(wake: WakeWord): IoThread {
  if (own.thread !== undefined && !own.thread.isFit()) own.thread = undefined;
  return (own.thread ??= new IoThread(wake));
}

export class IoThread {
  readonly #worker: Worker;
  readonly #wake: WakeWord;
  #port: MessagePort;
  #calls = 0;
  #ready = false;
  #gone: HeddleError | undefined;
  /** Modules whose tasks were found there. */
  readonly #found = new Set<string>();
  #running: { readonly call: number; readonly task: TaskRef } | undefined;
  #outcome: Outcome | undefined;
  /** A caller was told why it is gone. */
  #told = false;
  /** A call that it was told to stop and has not acknowledged, and since when. */
  #unheard: { readonly call: number; readonly sinceMs: number } | undefined;

  constructor(wake: WakeWord) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.unref();
    this.#wake = wake;
    const entry = new URL(import.meta.url.replace(/io-thread-handle(\.[jt]s)$/, "io-thread-main$1"));
    const { maxOldGenerationSizeMb } = resourceLimits;
    this.#worker = startThread("the I/O thread", "THREAD_DIED", entry, {
      name: `heddle I/O thread of ${threadId}`,
      argv: process.argv.slice(2),
      workerData: { port: port2, wake: wake.place } satisfies IoBoot,
      transferList: [port2],
      // A limit on what a request may use also limits its tasks.
      ...(!isMainThread && maxOldGenerationSizeMb !== undefined && { resourceLimits: { maxOldGenerationSizeMb } }),
    });
    this.#worker.unref();
    this.#worker.once("error", (error) => this.#diedUnasked(error));
    this.#worker.once("exit", () => this.#end(undefined));
  }

  /** Sends a call and returns its number. @throws DataCloneError if the arguments can't be cloned */
  run(task: TaskRef, args: readonly unknown[], transfer: readonly Transferable[]): number {
    const call = ++this.#calls;
    this.#post({ type: "run", call, task: refOf(task), args }, transfer);
    this.#running = { call, task };
    this.#outcome = undefined;
    return call;
  }

  /** How the call ended, if it has. @throws HeddleError THREAD_DIED if the thread is gone */
  outcome(call: number): Outcome | undefined {
    this.#read();
    const outcome = this.#outcome;
    this.#outcome = undefined;
    if (outcome?.call === call) return outcome;
    if (this.#gone === undefined) return undefined;
    this.#told = true;
    throw this.#gone;
  }

  /** Checks whether the thread lives. Called from time to time, because its death may cause no wake-up. */
  look(): void {
    this.#read();
    if (this.#gone === undefined && !this.#isOpen()) {
      this.#end(
        new HeddleError("THREAD_DIED", "the I/O thread ended without an error: most likely its heap was full."),
      );
    }
  }

  /** Aborts the task. Blocks until the thread has acknowledged, or was killed because it did not. */
  abort(call: number, reason: DOMException, { cancelled, lookMs }: BlockingRules): void {
    this.#post({ type: "abort", call, reason: packThrown(reason) }, []);
    const sinceMs = monotonicMs();
    // An earlier unacknowledged abort counts from its own time. A thread that acknowledges this one has seen that one too.
    this.#unheard ??= { call, sinceMs };
    for (let leftMs = this.#patienceMs(); leftMs > 0; leftMs = sinceMs + this.#patienceMs() - monotonicMs()) {
      const seen = this.#wake.count;
      this.#read();
      if (this.#unheard === undefined || this.#gone !== undefined) return;
      // `cancelled` also updates this thread's heartbeat.
      cancelled();
      this.#wake.wait(seen, Math.min(leftMs, lookMs));
    }
    if (this.#isStarting()) return;
    this.#kill();
  }

  /** False: dead, or deaf for too long. */
  isFit(): boolean {
    this.look();
    if (this.#unheard !== undefined && monotonicMs() - this.#unheard.sinceMs > IMPORTING_MS) this.#kill();
    return this.#gone === undefined;
  }

  /** Do not wait for a thread that starts or imports: it is judged at the next call. */
  #patienceMs(): number {
    return this.#isStarting() ? 0 : HEARING_MS;
  }

  #isStarting(): boolean {
    return !this.#ready || (this.#running !== undefined && !this.#found.has(this.#running.task.url));
  }

  #post(message: ToIo, transfer: readonly Transferable[]): void {
    this.#port.postMessage(message, [...transfer]);
  }

  #read(): void {
    for (let next = receiveMessageOnPort(this.#port); next !== undefined; next = receiveMessageOnPort(this.#port)) {
      this.#receive(next.message as FromIo);
    }
  }

  #receive(message: FromIo): void {
    switch (message.type) {
      case "ready":
        this.#ready = true;
        break;
      case "found":
        this.#found.add(message.url);
        break;
      case "returned":
      case "threw":
        if (message.call === this.#running?.call) this.#outcome = message;
        this.#heard(message.call);
        break;
      case "heard":
        this.#heard(message.call);
        break;
      case "dying":
        this.#end(whyDied(message));
        break;
    }
  }

  #heard(call: number): void {
    if (this.#unheard !== undefined && call >= this.#unheard.call) this.#unheard = undefined;
  }

  /** A port can be transferred only while its other end exists. Tested by sending this one to itself. */
  #isOpen(): boolean {
    try {
      this.#port = structuredClone(this.#port, { transfer: [this.#port] });
      this.#port.unref();
      return true;
    } catch {
      return false;
    }
  }

  #kill(): void {
    const { name, url } = this.#running!.task;
    const message = `the task "${name}" of ${url} blocked its I/O thread, so the I/O thread was ended`;
    this.#told = true;
    this.#end(new HeddleError("THREAD_DIED", message));
    warn(message, undefined);
    void this.#worker.terminate();
  }

  #end(why: HeddleError | undefined): void {
    this.#gone ??= why ?? new HeddleError("THREAD_DIED", "the I/O thread ended.");
    if (own.thread === this) own.thread = undefined;
  }

  /** The event comes only when the loop turns. A call that was waiting saw the death at the port before, and has thrown it. */
  #diedUnasked(cause: unknown): void {
    const message = `an I/O thread died: ${messageOf(cause)}`;
    this.#end(new HeddleError("THREAD_DIED", message, { cause }));
    if (!this.#told) warn(message, cause);
  }
}

function warn(message: string, cause: unknown): void {
  const detail = cause instanceof Error ? cause.stack : undefined;
  process.emitWarning(message, { type: "HeddleWarning", code: "THREAD_DIED", ...(detail !== undefined && { detail }) });
}

function whyDied({ exitCode, error }: FromIo & { type: "dying" }): HeddleError {
  if (error === undefined) {
    return new HeddleError(
      "THREAD_DIED",
      `the I/O thread was ended by process.exit(${exitCode}) in a task or its module.`,
    );
  }
  const cause = fromWire(error);
  return new HeddleError("THREAD_DIED", `the I/O thread died of an uncaught exception: ${cause.message}`, { cause });
}
