/** Values that can't be copied to another thread: whoever was told "sent" has sent, and no value is lost. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { Channel, go, receiveFrom, select, sendTo, setSchedulerThreads, transfer } from "../../../src/tasks/index.ts";
import { receiveInSelect, sendsPort, speaksInPort } from "../../fixtures/tasks/elsewhere.ts";
import { receiveOne } from "../../fixtures/tasks/movable.ts";

setSchedulerThreads(2);

const REFUSED = { code: "NOT_CLONEABLE" };
const uncopyable = (): number => 1;

for (const [how, receiving] of [
  ["receives", receiveOne],
  ["receives in a select", receiveInSelect],
] as const) {
  test(`a task of another thread that ${how} leaves the value in the buffer, and says why`, async () => {
    const channel = new Channel<unknown>(2);
    await channel.send(uncopyable);
    await channel.send("next");
    await assert.rejects(Promise.resolve(go(receiving, channel)), REFUSED);
    assert.deepEqual(await channel.receive(), { value: uncopyable, ok: true });
    assert.deepEqual(await go(receiving, channel), { value: "next", ok: true });
  });

  test(`a sender fails if a task of another thread waits that ${how}, which goes on waiting`, async () => {
    const channel = new Channel<unknown>();
    const received = go(receiving, channel);
    while (!(await waits(channel)));
    await assert.rejects(channel.send(uncopyable), REFUSED);
    assert.throws(() => channel.trySend(uncopyable), REFUSED);
    await assert.rejects(select([sendTo(channel, uncopyable)]), REFUSED);
    await assert.rejects(select([sendTo(channel, uncopyable)], { otherwise: () => "none" }), REFUSED);
    await channel.send("next");
    assert.deepEqual(await received, { value: "next", ok: true });
  });

  test(`a sender that waits fails when a task of another thread ${how}, and the next one is taken`, async () => {
    const channel = new Channel<unknown>();
    const sends = [
      assert.rejects(channel.send(uncopyable), REFUSED),
      assert.rejects(select([sendTo(channel, uncopyable), receiveFrom(new Channel())]), REFUSED),
      channel.send("next"),
    ];
    assert.deepEqual(await go(receiving, channel), { value: "next", ok: true });
    await Promise.all(sends);
  });
}

/** Another thread's task waits on the channel: a send that can be copied would be taken at once. */
async function waits(channel: Channel<unknown>): Promise<boolean> {
  await new Promise(setImmediate);
  try {
    // What can't be copied is refused only if a receiver of another thread is there.
    return channel.trySend(uncopyable) === true;
  } catch {
    return true;
  }
}

test("a port that one thread has moved into a channel is moved on to another one", async () => {
  const channel = new Channel<MessagePort>(1);
  const { port1, port2 } = new MessageChannel();
  const said = new Promise((resolve) => port2.once("message", resolve));
  await go(sendsPort, channel, transfer({ port: port1 }, [port1]));
  await go(speaksInPort, channel);
  assert.equal(await said, "from the last thread");
  port2.close();
});
