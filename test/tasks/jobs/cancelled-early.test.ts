/** Tasks of other threads that are cancelled before they have begun. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { fullCollection } from "../../../src/kit/full-collection.ts";
import { runtime } from "../../../src/runtime/runtime.ts";
import {
  blocking,
  Channel,
  Context,
  setSchedulerThreads,
  sleep,
  TaskGroup,
  transfer,
} from "../../../src/tasks/index.ts";
import { endsLate } from "../../fixtures/tasks/elsewhere.ts";
import { echo, mark, receivesTwo } from "../../fixtures/tasks/movable.ts";
import { collectsGarbage } from "../../fixtures/tasks/passing-on.ts";

setSchedulerThreads(2);

function words(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(8));
}

/** The only blocking thread runs a task until the result is called. */
async function holdThread(): Promise<() => Promise<unknown>> {
  runtime().resize("blocking", 1);
  const [ready, on] = [new Channel<string>(), new Channel<never>()];
  const held = blocking(receivesTwo, ready, on);
  await ready.send("ready");
  return async () => {
    await on.close();
    await held;
  };
}

test("a task whose arguments were moved has ended when it is cancelled before it began", async () => {
  const letGo = await holdThread();
  const bytes = new Uint8Array(8);
  const handle = blocking(echo, transfer(bytes, [bytes.buffer]));
  handle.cancel();
  await assert.rejects(Promise.resolve(handle), { code: "CANCELED" });
  await handle.ended();
  await letGo();
  assert.equal(await blocking(echo, 1), 1);
});

test("a channel beside such arguments is given up by the other thread", async () => {
  const letGo = await holdThread();
  const ref = await (async () => {
    const [bytes, channel] = [new Uint8Array(8), new Channel<number>(1)];
    const handle = blocking(echo, transfer([bytes, channel], [bytes.buffer]));
    handle.cancel();
    await assert.rejects(Promise.resolve(handle), { code: "CANCELED" });
    await handle.ended();
    return new WeakRef(channel);
  })();
  await letGo();
  for (let round = 0; round < 1000 && ref.deref() !== undefined; round++) {
    await blocking(collectsGarbage);
    fullCollection();
    await sleep(1);
  }
  assert.equal(ref.deref(), undefined);
});

test("a task that gets its place in a cancelled group never begins", async () => {
  const [group, ready, on] = [new TaskGroup(), new Channel<string>(), new Channel<never>()];
  const ran = words();
  group.setLimit(1);
  await group.go(endsLate, ready, on, words());
  await ready.receive();
  const second = group.go(mark, ran);
  group.context.cancel();
  await ready.receive();
  await on.close();
  await second;
  await assert.rejects(group.wait(), { code: "CANCELED" });
  assert.equal(ran[0], 0);
});

test("a task that is started in a group of a cancelled context never begins", async () => {
  const context = Context.background().withCancel();
  context.cancel();
  const [group, ran] = [new TaskGroup(context), words()];
  await group.go(mark, ran);
  await assert.rejects(group.wait(), { code: "CANCELED" });
  assert.equal(ran[0], 0);
});

test("a group that was waited for runs further tasks", async () => {
  const [group, ran] = [new TaskGroup(), words()];
  await group.go(echo, 1);
  await group.wait();
  await group.go(mark, ran);
  await group.wait();
  assert.equal(ran[0], 1);
});
