/**
 * A pool member that is a thread: starts it, sends it messages, ends it, and says why it ended. The subclass knows what the
 * messages mean. The thread's own side is another file.
 *
 * It may also be the main thread of this process, when the supervisor runs beside it. That one runs already, and only ends
 * with the process. So its end here means: nothing more is wanted of it. The process is the owner's to end.
 */

import { EventEmitter } from "node:events";
import { MessageChannel, type MessagePort, type Transferable, type Worker } from "node:worker_threads";
import { HeddleError } from "../errors/errors.ts";
import { hearRest } from "./own-port.ts";
import type { Driver, Member } from "./member.ts";
import { startThread } from "./start-thread.ts";

export interface ThreadStart {
  /** Its name in messages: `serving thread 3`. */
  readonly name: string;
  readonly code: "THREAD_DIED" | "HANDLER_DIED";
  readonly entry: URL;
  /** `process.argv` from its second place on, for modules that Node loads before the entry. */
  readonly argv: readonly string[];
  /** What the thread gets from `takeBoot`, together with its `port`. */
  readonly boot: object;
  /** 0: Node's default. */
  readonly heapBytes?: number;
}

/** The main thread, as its supervisor on another thread reaches it. */
export interface MainThread extends Pick<ThreadStart, "name" | "boot"> {
  readonly main: MessagePort;
}

const MAIN_THREAD_ID = 0;
const MIB = 1024 * 1024;
const EXIT_HINT =
  "Under heddle an app's process.exit() ends one thread only. Throw, or let the arbiter stop the server.";

export abstract class SupervisedThread<From, To, Events extends Record<keyof Events, unknown[]>>
  extends EventEmitter<Events>
  implements Driver
{
  readonly name: string;
  readonly member: Member<Driver, HeddleError>;
  /** undefined: it is the main thread. */
  readonly #worker: Worker | undefined;
  readonly #port: MessagePort;
  #error: HeddleError | undefined;

  /** @throws HeddleError `code`: the system refuses it */
  constructor(member: Member<Driver, HeddleError>, start: ThreadStart | MainThread) {
    super();
    this.name = start.name;
    this.member = member;
    if ("main" in start) {
      this.#port = start.main;
      this.#port.on("message", (message: From) => this.received(message));
      this.#port.postMessage(start.boot, []);
      return;
    }
    const { name, code, entry, argv, boot, heapBytes = 0 } = start;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#worker = startThread(name, code, entry, {
      name: `heddle ${name}`,
      argv: [...argv],
      workerData: { ...boot, port: port2 },
      transferList: [port2],
      ...(heapBytes > 0 && {
        resourceLimits: { maxOldGenerationSizeMb: Math.max(8, Math.ceil(heapBytes / MIB)) },
      }),
    });
    const receive = (message: From): void => this.received(message);
    port1.on("message", receive);
    // The thread itself keeps the process alive.
    port1.unref();
    this.#worker.on("error", (cause: Error) => {
      hearRest(port1, receive);
      this.#error ??= new HeddleError(code, `${name} died: ${cause.message}`, { cause });
    });
    this.#worker.on("exit", (exitCode) => {
      hearRest(port1, receive);
      port1.close();
      this.ended(this.#whyEnded(exitCode));
    });
  }

  get threadId(): number {
    return this.#worker?.threadId ?? MAIN_THREAD_ID;
  }

  /** It is the process's main thread. */
  get isMain(): boolean {
    return this.#worker === undefined;
  }

  get isReady(): boolean {
    return this.member.isReady;
  }

  /** For display: `booting` where the pool says starting. */
  get state(): "booting" | "ready" | "draining" | "gone" {
    const { name } = this.member.state;
    if (name === "starting") return "booting";
    return name === "killed" ? "draining" : name;
  }

  abstract drain(reason: string, deadlineMs: number): void;

  kill(): void {
    if (this.#worker !== undefined) void this.#worker.terminate();
    // Later, as with every thread: it ends after this call.
    else setImmediate(() => this.#endMain());
  }

  protected abstract received(message: From): void;

  /** Called once, last. `error`: why it ended, if that was not wanted. */
  protected abstract ended(error: HeddleError | undefined): void;

  /** The thread has reported that it cannot start. */
  protected failed(error: HeddleError): void {
    this.#error ??= error;
    this.kill();
  }

  protected post(message: To, transfer: readonly Transferable[] = []): void {
    this.#port.postMessage(message, [...transfer]);
  }

  #endMain(): void {
    if (this.member.isGone) return;
    const { state, error } = this.member;
    this.ended(state.name === "killed" ? error : this.#error);
  }

  #whyEnded(code: number): HeddleError | undefined {
    const { state, error } = this.member;
    if (state.name === "killed") return error;
    if (this.#error !== undefined || state.name === "draining") return this.#error;
    if (state.name === "starting") {
      return new HeddleError("APP_EXITED", `the app ended its thread while it was loading (process.exit(${code})).`);
    }
    const message = `the app ended ${this.name} itself (process.exit(${code})).`;
    return new HeddleError("APP_EXITED", message, { hint: EXIT_HINT });
  }
}
