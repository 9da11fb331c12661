/**
 * How a serving thread leaves: from the begin of its drain to its end. The drain may begin before the thread stops taking
 * connections.
 *
 *   begin   onDrain is called, event streams are cancelled
 *   leave   each connection ends with the response to its latest request, a socket's actor with its last message
 *           last call → cut (`drain-times.ts`), for requests that do not end by themselves
 *           its last connection is closed, and no actor of a socket has anything to finish
 *           → onStop → the app's supervision trees are stopped → drained
 *
 * Invariants
 * - `onDrain` and `onStop` run once each, in this order. `onStop` begins when `onDrain` has ended, or at the cut.
 * - `onStop` runs, whatever the clients and the handlers do, unless the thread's loop does not turn.
 * - A drain may be repeated. The nearest deadline counts, and `stop` does not wait for idle connections.
 */

import { count } from "../../../errors/count.ts";
import type { LoadedApp } from "../../app/load/load-app.ts";
import type { ServerConfig } from "../../../config/config.ts";
import { toWire } from "../../../errors/errors.ts";
import type { Connections } from "../../http/parse/connection.ts";
import type { Pipeline } from "../../http/pipeline.ts";
import type { SocketEntry } from "../../http/socket-entry.ts";
import { DrainClock } from "./drain-clock.ts";
import type { DrainTimes } from "./drain-times.ts";
import { printed } from "../flush-output.ts";
import type { DrainReason, FromThread } from "./serving-protocol.ts";

export interface LeavingOptions {
  readonly app: LoadedApp;
  readonly trees: { stop(): Promise<void> };
  readonly config: ServerConfig;
  readonly connections: Connections;
  readonly pipeline: Pipeline;
  readonly sockets: SocketEntry | undefined;
  readonly tell: (message: FromThread) => void;
  readonly thread: number;
  /** Its last connection is closed. */
  readonly onEmpty: () => void;
}

/** A request that was on its way when a stop began has arrived after this, and is answered. */
const LAST_MOMENT_MS = 200;
/** What was answered at the cut is sent before the connections are closed. At most a quarter of the time that is left. */
const FLUSH_MS = 50;

export class Drain {
  readonly #options: LeavingOptions;
  readonly #emptied = Promise.withResolvers<void>();
  readonly #cut = Promise.withResolvers<void>();
  readonly #clock = new DrainClock(({ lastCallMs, cutMs, deadlineMs }) => [
    [lastCallMs, () => this.#lastCall()],
    [cutMs, () => this.#cutAll(deadlineMs - cutMs)],
  ]);
  #onDrain: Promise<void> | undefined;
  #leaves = false;

  constructor(options: LeavingOptions) {
    this.#options = options;
  }

  begin(reason: DrainReason, times: DrainTimes): void {
    this.#clock.set(times);
    if (this.#onDrain !== undefined) return;
    const { app, pipeline } = this.#options;
    this.#onDrain = this.#run("onDrain", () => app.drain(reason));
    pipeline.callingOff.begin();
  }

  /** A stop closes idle connections after a moment: a new connection is not read yet, and would be reset. */
  leave(reason: DrainReason, times: DrainTimes): void {
    const { connections, pipeline, sockets } = this.#options;
    this.begin(reason, times);
    pipeline.drain();
    sockets?.drain(reason === "stop" || reason === "scale" ? "stop" : "restart");
    if (reason === "stop") {
      const closeIdle = (): void => void connections.drain(false).then(this.#emptied.resolve);
      // After one poll of the sockets: on a very busy machine the time may be over before anything was read.
      setTimeout(() => setImmediate(closeIdle), LAST_MOMENT_MS);
    }
    if (this.#leaves) return;
    this.#leaves = true;
    void connections.drain(true).then(this.#emptied.resolve);
    void this.#end();
  }

  async #end(): Promise<void> {
    const { app, trees, pipeline, tell } = this.#options;
    const { sockets } = this.#options;
    await this.#emptied.promise;
    await Promise.race([Promise.all([this.#onDrain, sockets?.ended()]), this.#cut.promise]);
    this.#clock.stop();
    this.#options.onEmpty();
    tell({ type: "emptied" });
    const { cutShort } = pipeline.callingOff;
    if (cutShort > 0) this.#tellCutShort(cutShort);
    await this.#run("onStop", app.stop);
    await trees.stop();
    pipeline.close();
    await printed();
    tell({ type: "drained", cutShort });
  }

  async #run(name: string, hook: () => Promise<void>): Promise<void> {
    try {
      await hook();
    } catch (error) {
      this.#log("error", { err: toWire(error) }, `the app's ${name} failed`);
    }
  }

  #lastCall(): void {
    this.#options.pipeline.callingOff.lastCall();
    this.#options.sockets?.lastCall();
    this.#options.connections.closeIdle();
  }

  #cutAll(leftMs: number): void {
    const { connections, pipeline, sockets } = this.#options;
    pipeline.callingOff.cut();
    const closeAll = (): void => {
      connections.destroyAll();
      sockets?.destroyAll();
    };
    setTimeout(closeAll, Math.min(FLUSH_MS, leftMs / 4));
    this.#cut.resolve();
  }

  #tellCutShort(requests: number): void {
    const { thread, config } = this.#options;
    const message = `serving thread ${thread} cut ${count(requests, "request")} short: --graceful-timeout (${config.gracefulTimeoutMs} ms) was nearly over`;
    this.#log("warn", { cutShort: requests }, message);
  }

  #log(level: "warn" | "error", fields: object, message: string): void {
    this.#options.tell({ type: "log", level, fields, message });
  }
}
