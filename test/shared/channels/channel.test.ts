/** Channels in a program without a server: what an app sees of them. The copies are the threads of the process. */

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { describe, type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { channel } from "../../../src/shared/index.ts";

const shared = JSON.stringify(new URL("../../../src/shared/index.ts", import.meta.url));

/** Another thread, that sends back what it hears, and publishes what it is told. */
async function other(t: TestContext, name: string): Promise<Worker> {
  const code = `
    import { parentPort } from "node:worker_threads";
    import { channel } from ${shared};
    const own = channel(${JSON.stringify(name)});
    own.subscribe((value) => parentPort.postMessage({ value }));
    parentPort.on("message", (values) => { for (const value of values) void own.publish(value); });
    parentPort.postMessage("ready");
  `;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
  t.after(() => worker.terminate());
  await once(worker, "message");
  return worker;
}

function tell(worker: Worker, values: readonly unknown[]): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no such argument
  worker.postMessage(values);
}

async function count(heard: readonly unknown[], length: number): Promise<void> {
  while (heard.length < length) await new Promise((resolve) => setImmediate(resolve));
}

describe("a channel", () => {
  test("reaches other threads, and not its own", async (t) => {
    const worker = await other(t, "both");
    const own = channel("both");
    const heard: unknown[] = [];
    const subscription = own.subscribe((value) => heard.push(value));
    await subscription.ready;
    const answered: unknown[] = [];
    worker.on("message", ({ value }: { value: unknown }) => answered.push(value));
    const values = [0.5, "text", { list: [1, 2n] }, new Map([["a", new Date(5)]]), Buffer.from("bytes")];
    for (const value of values) await own.publish(value);
    await count(answered, values.length);
    assert.deepEqual(answered.slice(0, 4), values.slice(0, 4));
    tell(worker, [1, "two", null]);
    await count(heard, 3);
    assert.deepEqual(heard, [1, "two", null]);
    subscription.close();
    subscription.close();
    const after = once(worker, "message");
    await own.publish("after");
    assert.deepEqual(await after, [{ value: "after" }]);
  });

  test("gives each subscription a copy of its own, in the context of its subscriber", async (t) => {
    const worker = await other(t, "copies");
    const context = new AsyncLocalStorage<string>();
    const heard: { list: number[]; context: string | undefined }[] = [];
    const listener = (value: unknown): void => {
      const { list } = value as { list: number[] };
      list.push(2);
      heard.push({ list, context: context.getStore() });
    };
    const subscriptions = ["a", "b"].map((name) => context.run(name, () => channel("copies").subscribe(listener)));
    tell(worker, [{ list: [1] }]);
    await count(heard, 2);
    assert.deepEqual(heard, [
      { list: [1, 2], context: "a" },
      { list: [1, 2], context: "b" },
    ]);
    for (const subscription of subscriptions) subscription.close();
  });

  test("goes on if a listener throws, which is an uncaught exception", async () => {
    const code = `
      import { Worker } from "node:worker_threads";
      import { channel } from ${shared};
      process.on("uncaughtException", (error) => console.log("uncaught", error.message));
      const heard = channel("throws").subscribe((value) => {
        if (value === 2) { console.log("heard"); heard.close(); clearInterval(alive); }
        throw new Error("of " + value);
      });
      const alive = setInterval(() => {}, 1000);
      new Worker('import(${shared}).then(({ channel }) => { channel("throws").publish(1); channel("throws").publish(2); })', { eval: true });
    `;
    const { HEDDLE_SHARED: _, ...env } = process.env;
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code], { env });
    assert.equal(stdout, "uncaught of 1\nheard\nuncaught of 2\n");
  });

  test("does not keep a program alive", async () => {
    const code = `
      import { channel } from ${shared};
      await channel("a").subscribe(() => {}).ready;
      channel("a").messages().next();
    `;
    const { HEDDLE_SHARED: _, ...env } = process.env;
    await promisify(execFile)(process.execPath, ["--input-type=module", "-e", code], { env });
  });

  test("can be iterated, until the loop is left", async (t) => {
    const worker = await other(t, "loop");
    const messages = channel<number>("loop").messages();
    tell(worker, [1, 2, 3, 4]);
    const heard: number[] = [];
    for await (const message of messages) {
      heard.push(message);
      if (message === 3) break;
    }
    assert.deepEqual(heard, [1, 2, 3]);
    assert.deepEqual(await messages.next(), { done: true, value: undefined });
  });
});

describe("what is no channel, listener or message", () => {
  test("is refused with what it should be", async () => {
    for (const name of ["", 5, undefined, "\ud800"])
      assert.throws(() => channel(name as string), { code: "SHARED_INVALID" });
    assert.throws(() => channel("x".repeat(1025)), { code: "SHARED_TOO_LARGE" });
    assert.throws(() => channel("a").subscribe("b" as never), {
      code: "SHARED_INVALID",
      message: "the listener of a channel must be a function, and got string.",
    });
    assert.throws(() => channel("a").subscribe(() => {}, { onGap: 1 as never }), { code: "SHARED_INVALID" });
    assert.throws(() => channel("a").messages({ onGap: 1 as never }), { code: "SHARED_INVALID" });
    await assert.rejects(channel("a").publish(undefined), { code: "SHARED_INVALID" });
    await assert.rejects(
      channel("a").publish(() => {}),
      { code: "SHARED_NOT_CLONEABLE" },
    );
    await assert.rejects(channel("a").publish("x".repeat(2 ** 20)), { code: "SHARED_TOO_LARGE" });
  });
});
