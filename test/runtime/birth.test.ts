/** Only threads that the runtime has started are recognised as its own. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { go } from "../../src/tasks/index.ts";
import { given, startAnother } from "../fixtures/runtime/passes-on.ts";

const ownWorker = new URL("../fixtures/runtime/own-worker.ts", import.meta.url);
const root = { self: 0, role: "root", isRuntimeThread: false, told: "a task ran" };

test("a program's own thread is a root, also if its data has the name of what the runtime tells its threads", async () => {
  const self = { id: 3, role: "scheduler" };
  for (const heddleRuntime of [
    true,
    "text",
    null,
    { self, board: [], peers: [] },
    { self, board: new SharedArrayBuffer(8), peers: [{ id: 0, role: "root", port: "port" }] },
    { self, board: new SharedArrayBuffer(8), peers: {} },
  ]) {
    const worker = new Worker(ownWorker, { workerData: { heddleRuntime, mine: 1 } });
    const [message] = (await once(worker, "message")) as [unknown];
    await worker.terminate();
    assert.deepEqual(message, { ...root, workerData: { heddleRuntime, mine: 1 } });
  }
});

test("a thread of the runtime has nothing of the runtime's in its data, and may pass it on to threads of its own", async () => {
  assert.deepEqual(await go(given), { workerData: {}, isRuntimeThread: true });
  assert.deepEqual(await go(startAnother), { ...root, workerData: {} });
});
