/**
 * A handler thread as the acceptor sees it; the thread's own side is `handler-thread-main.ts`.
 *
 * States: booting → ready → leaving → gone, and from anywhere to gone.
 */

import { EventEmitter } from "node:events";
import { MessageChannel, type Worker } from "node:worker_threads";
import { fromWire, HeddleError } from "../../../errors/errors.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import type { Seat } from "../../../supervise/slot-table.ts";
import { startThread } from "../../../supervise/start-thread.ts";
import type { LinkEnd } from "../../models/offload/shared/offload-protocol.ts";
import { Answers } from "../../models/offload/shared/response-ring.ts";
import { Ring } from "../../models/offload/shared/job-ring.ts";
import type { FromHandlerThread, HandlerBoot, ToHandlerThread } from "./handler-protocol.ts";
import type { DrainReason } from "../serving/serving-protocol.ts";

export interface HandlerEvents {
  ready: [modules: readonly string[]];
  "boot-failed": [error: HeddleError, modules: readonly string[]];
  tainted: [error: HeddleError];
  used: [];
  log: [message: FromHandlerThread & { type: "log" }];
  /** Always the last one. `error`: why, if it was not asked to. */
  gone: [error: HeddleError | undefined];
}

export class HandlerThreadHandle extends EventEmitter<HandlerEvents> {
  /** Unique in its pool: logs and status name it. */
  readonly id: number;
  /** Its place on the pool's board, which others have after it. */
  readonly seat: Seat;
  readonly bootedMs: number = monotonicMs();
  /** monotonicMs() when it was last seen to have, or to have had, something to do. */
  usedMs: number = this.bootedMs;
  state: "booting" | "ready" | "leaving" | "gone" = "booting";
  readonly #worker: Worker;
  readonly #name: string;
  #error: HeddleError | undefined;
  #told = false;

  /** @throws HeddleError HANDLER_DIED: the system refuses it */
  constructor(boot: HandlerBoot) {
    super();
    this.id = boot.id;
    this.seat = boot.seat;
    this.#name = `handler thread ${boot.id} of ${boot.pool.name}`;
    const entry = new URL(import.meta.url.replace(/handler-thread-handle(\.[jt]s)$/, "handler-thread-main$1"));
    const { handlerMemoryBytes } = boot.config;
    this.#worker = startThread(this.#name, "HANDLER_DIED", entry, {
      name: `heddle ${this.#name}`,
      workerData: boot,
      ...(handlerMemoryBytes > 0 && {
        resourceLimits: { maxOldGenerationSizeMb: Math.max(8, Math.ceil(handlerMemoryBytes / MIB)) },
      }),
    });
    this.#worker.on("message", (message: FromHandlerThread) => this.#receive(message));
    this.#worker.on("error", (cause: Error) => {
      this.#error ??= new HeddleError("HANDLER_DIED", `${this.#name} died: ${cause.message}`, { cause });
    });
    this.#worker.on("exit", (code) => this.#end(code));
  }

  get threadId(): number {
    return this.#worker.threadId;
  }

  get error(): HeddleError | undefined {
    return this.#error;
  }

  /** A new link to it; what is returned is the serving thread's end. */
  link(): LinkEnd {
    const { port1, port2 } = new MessageChannel();
    const shared = { ring: Ring.create(), answers: Answers.create(), seat: this.seat };
    this.#post({ type: "link", link: { ...shared, port: port2 } }, [port2]);
    return { ...shared, port: port1 };
  }

  /** Runs the app's `onDrain`, once, which holds up a `stop` until `cutMs` at most. */
  drain(reason: DrainReason, cutMs: number): void {
    if (this.state === "ready") this.#post({ type: "drain", reason, cutMs });
  }

  /** Runs the app's `onStop` and ends. */
  stop(): void {
    if (this.state !== "ready") {
      this.kill(undefined);
      return;
    }
    this.state = "leaving";
    this.#post({ type: "stop" });
  }

  /** Ends the thread at once, whatever it does. */
  kill(error: HeddleError | undefined): void {
    if (this.state === "gone") return;
    this.#error ??= error;
    this.state = "leaving";
    this.#told = true;
    void this.#worker.terminate();
  }

  #post(message: ToHandlerThread, transfer: readonly import("node:worker_threads").MessagePort[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #receive(message: FromHandlerThread): void {
    switch (message.type) {
      case "ready":
        if (this.state !== "booting") break;
        this.state = "ready";
        this.emit("ready", message.modules);
        break;
      case "boot-failed":
        this.emit("boot-failed", fromWire(message.error), message.modules);
        this.kill(undefined);
        break;
      case "used":
        this.state = "leaving";
        this.emit("used");
        break;
      case "tainted":
        this.emit("tainted", fromWire(message.error));
        break;
      case "log":
        this.emit("log", message);
        break;
      case "stopped":
        this.kill(undefined);
        break;
    }
  }

  #end(code: number): void {
    const { state } = this;
    this.state = "gone";
    if (state === "booting" && !this.#told) {
      const message = `the app ended ${this.#name} while it was loading (process.exit(${code})).`;
      this.emit("boot-failed", this.#error ?? new HeddleError("APP_EXITED", message), []);
    } else if (state === "ready" && this.#error === undefined) {
      this.#error = new HeddleError("APP_EXITED", `the app ended ${this.#name} itself (process.exit(${code})).`, {
        hint: "Under heddle an app's process.exit() ends one thread only. Throw, or let the arbiter stop the server.",
      });
    }
    this.emit("gone", this.#error);
  }
}

const MIB = 1024 * 1024;
