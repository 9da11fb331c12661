/** The watch thread of a worker whose app runs on the main thread: `app-process-main.ts` says what it is for. */

import { parentPort } from "node:worker_threads";
import { loadNative } from "../../platform/native.ts";
import { openChannel } from "../../platform/node-internals/moved-channel.ts";
import { disconnectInspector } from "../../supervise/inspect/thread-inspector.ts";
import { givePreloads } from "../../supervise/preloads.ts";
import { takeBoot } from "../../supervise/own-port.ts";
import { CHANNEL_FD, type WorkerBoot } from "./worker-protocol.ts";
import type { FromMainThread, ToMainThread, WatchBoot } from "./watch-protocol.ts";
import { OnBoard } from "./accept/worker-board.ts";
import { Worker } from "./worker.ts";

const { port, preloads, nodeOptions } = takeBoot() as WatchBoot;
givePreloads(preloads, nodeOptions);
const mainThread = parentPort!;

let worker: Worker | undefined;
/** Resolves when the arbiter has been told how the boot ended. */
let booted: Promise<void> = Promise.resolve();

// Before the channel: its first message is about the board.
await loadNative();
openChannel(CHANNEL_FD);
process.once("message", (boot: WorkerBoot) => {
  const { seat } = boot;
  worker = new Worker(boot, { exit, main: { port, onBoard: seat && new OnBoard(seat) } });
  booted = worker.boot();
});
process.once("disconnect", () => exit(1, 0));
mainThread.on("message", (message: FromMainThread) => {
  if (message.type === "leaving") setImmediate(() => void leave(message.answered));
  else if (worker === undefined) exit(1, 0);
  else worker.terminate();
});

function exit(code: number, patienceMs: number, overdue?: () => void): void {
  // Before the app's listeners, one of which may end the process by a signal.
  disconnectInspector();
  mainThread.postMessage({ type: "exit", code } satisfies ToMainThread, []);
  // Its loop does not turn, or an `exit` listener of the app does not end.
  setTimeout(() => {
    overdue?.();
    process.kill(process.pid, "SIGKILL");
  }, patienceMs);
}

/** In a later turn than the message: what the main thread had told before has been read, and told to the arbiter. */
async function leave(answered: Int32Array<SharedArrayBuffer>): Promise<void> {
  await booted;
  disconnectInspector();
  Atomics.store(answered, 0, 1);
  Atomics.notify(answered, 0);
}
