/** The objects that a case of a select transfers, and when. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import { Channel, go, receiveFrom, select, sendTo, transfer } from "../../src/tasks/index.ts";
import * as movable from "../fixtures/tasks/movable.ts";
import "./channels.ts";

async function channelThere(capacity: number): Promise<Channel<unknown>> {
  return (await go(movable.newChannel, capacity, [])) as Channel<unknown>;
}

test("a value that a select sends to another thread is gone from here, where it is ready and where it waits", async () => {
  for (const capacity of [1, 0]) {
    const there = await channelThere(capacity);
    const bytes = new Uint8Array([1, 2]);
    const sending = select([sendTo(there, bytes, undefined, [bytes.buffer])]);
    const received = there.receive();
    await sending;
    assert.equal(bytes.length, 0);
    assert.deepEqual((await received).value, new Uint8Array([1, 2]));
  }
});

test("a value that a select sends to a channel here moves when another thread receives it", async () => {
  for (const mark of [true, false]) {
    const here = new Channel<unknown>();
    const bytes = new Uint8Array([3]);
    const received = go(movable.receiveOne, here);
    const marked = mark ? transfer(bytes, [bytes.buffer]) : bytes;
    await select([sendTo(here, marked, undefined, ...(mark ? [] : [[bytes.buffer]]))]);
    assert.deepEqual((await received).value, new Uint8Array([3]));
    assert.equal(bytes.length, 0);
  }
});

test("a value whose case has not happened stays, and is only copied when it is sent later", async () => {
  const [here, ready] = [new Channel<unknown>(), new Channel<number>(1)];
  const there = await channelThere(0);
  for (const channel of [here, there]) {
    await ready.send(1);
    const bytes = new Uint8Array([4]);
    await select([receiveFrom(ready), sendTo(channel, bytes, undefined, [bytes.buffer])]);
    assert.equal(bytes.length, 1);
    const received = channel === here ? go(movable.receiveOne, here) : there.receive();
    await channel.send(bytes);
    assert.deepEqual((await received).value, new Uint8Array([4]));
    assert.equal(bytes.length, 1);
  }
});

test("what can only be moved cannot be offered to another thread", async () => {
  const there = await channelThere(1);
  const { port1, port2 } = new MessageChannel();
  await assert.rejects(select([sendTo(there, port1, undefined, [port1])]), { code: "NOT_CLONEABLE" });
  port1.close();
  port2.close();
});
