/**
 * A mixed load with exact accounting, for benchmarks and for tests of the guarantees.
 *
 *     const load = startMixedLoad({ url, keepAlive: 8, uploads: 4, slow: 4, streams: 4, webSockets: 4 });
 *     await load.ready;
 *     … reload, kill, or whatever the server must survive …
 *     const report = await load.stop();
 *     assert.equal(report.failed, 0, JSON.stringify(report.failures));
 */
import { Worker } from "node:worker_threads";
import type { FromClient, LoadOptions, ToClient } from "./protocol.ts";
import type { LoadReport, Window } from "./report.ts";

export interface LoadHandle {
  /** Resolves when the last client has begun. */
  readonly ready: Promise<void>;
  /** Begins a new window in the report. `worker` is compared with the server's `x-worker` header. */
  mark(label: string, worker?: string): Promise<Window>;
  /** Lets every client finish its request in flight, then reports the results of all. */
  stop(): Promise<LoadReport>;
}

export function startMixedLoad(options: LoadOptions): LoadHandle {
  const thread = new Worker(new URL("./client-thread.ts", import.meta.url), { workerData: options });
  const ready = Promise.withResolvers<void>();
  const done = Promise.withResolvers<LoadReport>();
  const marks = new Map<number, PromiseWithResolvers<Window>>();
  let lastMark = 0;
  const fail = (error: Error): void => {
    ready.reject(error);
    done.reject(error);
    for (const mark of marks.values()) mark.reject(error);
  };
  // A caller that never awaits must not be ended by an unhandled rejection; stop() and ready still reject.
  ready.promise.catch(() => {});
  done.promise.catch(() => {});
  thread.on("message", (message: FromClient) => {
    if (message.type === "ready") ready.resolve();
    else if (message.type === "done") done.resolve(message.report);
    else marks.get(message.id)?.resolve(message.window);
  });
  thread.on("error", fail);
  thread.on("exit", () => fail(new Error("the load client's thread has ended")));
  const tell = (message: ToClient): void => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    thread.postMessage(message);
  };
  return {
    ready: ready.promise,
    mark(label, worker) {
      const mark = Promise.withResolvers<Window>();
      marks.set(++lastMark, mark);
      tell({ type: "mark", id: lastMark, label, ...(worker === undefined ? {} : { worker }) });
      return mark.promise;
    },
    async stop() {
      tell({ type: "stop" });
      const report = await done.promise;
      await thread.terminate();
      return report;
    },
  };
}

export type { LoadOptions } from "./protocol.ts";
export {
  FAILURES,
  type Failure,
  type FailureNote,
  type Kind,
  type KindReport,
  type LoadReport,
  type Window,
} from "./report.ts";
