/** Channels on several threads when one of the threads dies. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HeddleError } from "../../src/errors/errors.ts";
import { runtime } from "../../src/runtime/runtime.ts";
import { blocking, Channel, go, receiveFrom, select, sendTo, setSchedulerThreads } from "../../src/tasks/index.ts";
import { homeAndDie, offerAndDie, sendAndBlock } from "../fixtures/tasks/movable.ts";
import { receiveAndDie } from "../fixtures/tasks/elsewhere.ts";
import { channelKinds } from "./channels.ts";

setSchedulerThreads(2);

const DIED = { code: "THREAD_DIED" };
const LOST = { code: "CHANNEL_LOST", message: /^the channel is lost: it lived on thread \d+, which has ended\.$/ };

for (const { kind, make } of channelKinds) {
  describe(`a thread that dies leaves the queues of a channel, ${kind}:`, () => {
    // On a thread for blocking tasks, so that it is not the channel's.
    test("its sends and selects", async () => {
      const [channel, ready] = [(await make(0)) as Channel<unknown>, new Channel<string>()];
      const died = assert.rejects(Promise.resolve(blocking(offerAndDie, channel as Channel<string>, ready)), DIED);
      await ready.receive();
      await died;
      while ((await channel.tryReceive()) !== undefined);
      assert.equal(await channel.trySend("nobody"), false);
      const received = channel.receive();
      await channel.send("alive");
      assert.deepEqual(await received, { value: "alive", ok: true }, "nothing is closed");
    });

    test("its receives", async () => {
      const [channel, ready] = [(await make(0)) as Channel<unknown>, new Channel<string>()];
      const died = assert.rejects(Promise.resolve(blocking(receiveAndDie, channel, ready)), DIED);
      await ready.receive();
      await died;
      while (await channel.trySend("nobody"));
      const sent = channel.send("alive");
      assert.deepEqual(await channel.receive(), { value: "alive", ok: true }, "nothing is closed");
      await sent;
    });
  });
}

test("a channel of a thread that has died fails with a clear error: whoever sends, selects, tries or closes", async () => {
  const [out, on] = [new Channel<Channel<number>>(), new Channel<string>()];
  const died = assert.rejects(Promise.resolve(go(homeAndDie, out, on)), DIED);
  const lost = (await out.receive()).value!;
  const waiting = [
    assert.rejects(lost.send(1), LOST),
    assert.rejects(select([sendTo(lost, 2), sendTo(new Channel<number>(), 3)]), LOST),
  ];
  await on.send("die");
  await died;
  await Promise.all(waiting);
  for (const operation of [
    () => lost.send(1),
    () => lost.receive(),
    () => lost.trySend(1),
    () => lost.tryReceive(),
    () => lost.close(),
    () => select([sendTo(lost, 1)], { otherwise: () => "otherwise" }),
  ])
    await assert.rejects(async () => operation(), LOST);
  await assert.rejects(async () => {
    for await (const _ of lost);
  }, LOST);
});

test("a select whose case a thread has let happen, which died before it could say so, fails", async () => {
  const out = new Channel<[Channel<number>, number]>();
  const told = new Int32Array(new SharedArrayBuffer(4));
  const died = assert.rejects(Promise.resolve(go(sendAndBlock, out, told)), DIED);
  const [lost, thread] = (await out.receive()).value!;
  const waiting = assert.rejects(select([receiveFrom(lost), receiveFrom(new Channel<number>())]), LOST);
  await Atomics.waitAsync(told, 0, 0).value;
  runtime().terminate(thread, new HeddleError("THREAD_DIED", "ended by the test"));
  await Promise.all([died, waiting]);
});
