/**
 * A worker whose app runs on the main thread, as with bare Node: signals, `process.chdir`, `process.exit` and native add-ons
 * work there as the app expects. Beside it runs a watch thread, which runs no user code and does what the main thread of any
 * other worker does: it talks to the arbiter, over an IPC channel of its own, and looks after the serving thread, which is
 * this one. So a loop that is blocked is seen, and the arbiter is answered meanwhile.
 *
 * Signals meant for the whole process group are the arbiter's to act on and are ignored here, as in every worker. The app's own
 * listeners are called when its process is to end (`server/app/process-end.ts`).
 */

import { MessageChannel, type Worker as Thread } from "node:worker_threads";
import { HeddleError, toWire } from "../../errors/errors.ts";
import { openChannel, wasLeftAlone } from "../../platform/node-internals/moved-channel.ts";
import { bootFrom } from "../../supervise/own-port.ts";
import { takeSignals } from "../../platform/node-internals/signals.ts";
import { withoutPreloads } from "../../supervise/preloads.ts";
import { startThread } from "../../supervise/start-thread.ts";
import { endApp } from "../app/process-end.ts";
import { keepPrinting } from "./app-output.ts";
import { BROKEN, CHANNEL_FD, type FromWorker } from "./worker-protocol.ts";
import type { FromMainThread, ToMainThread, WatchBoot } from "./watch-protocol.ts";

const ANSWER_MS = 500;
/** The watch thread allocates little. V8 would let its young generation grow to twice that in the first second. */
const YOUNG_GENERATION_MB = 1;

process.title = "heddle worker";
keepPrinting();
if (!wasLeftAlone()) throw new HeddleError("INTERNAL", "the worker's main thread has the channel to the arbiter");
takeSignals(["SIGTERM", "SIGINT", "SIGHUP", "SIGTTIN", "SIGTTOU"], (signal) => {
  if (signal === "SIGTERM") tell({ type: "terminate" });
});

const { port1, port2 } = new MessageChannel();
bootFrom(port1);
// The same folder and extension as this file: `.ts` in a checkout, `.js` in the published package.
const entry = new URL(import.meta.url.replace(/app-process-main(\.[jt]s)$/, "watch-thread-main$1"));
const watch = await start();
process.on("exit", () => {
  // Node would report the watch thread's connection to the inspector as a debugger, and wait for it.
  const answered = new Int32Array(new SharedArrayBuffer(4));
  tell({ type: "leaving", answered });
  Atomics.wait(answered, 0, 0, ANSWER_MS);
});
watch.on("message", ({ code }: ToMainThread) => {
  endApp(code, () => {
    port1.unref();
    watch.unref();
  });
});
watch.on("error", (error) => console.error(error));
watch.on("exit", () => process.exit(BROKEN));

async function start(): Promise<Thread> {
  const { preloads, ...options } = withoutPreloads();
  const workerData: WatchBoot = { port: port2, preloads, nodeOptions: process.env["NODE_OPTIONS"] };
  const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB };
  const data = { ...options, name: "heddle watch thread", workerData, transferList: [port2], resourceLimits };
  try {
    return startThread("the watch thread", "THREAD_DIED", entry, data);
  } catch (error) {
    // This thread tells it instead.
    openChannel(CHANNEL_FD);
    const message: FromWorker = { type: "boot-failed", error: toWire(error), modules: [] };
    process.send!(message, undefined, undefined, () => process.exit(BROKEN));
    return await new Promise<never>(() => {});
  }
}

function tell(message: FromMainThread): void {
  watch.postMessage(message, []);
}

await import("./serving/serving-thread-main.ts");
