/** All kinds of waiters in one channel's queue: tasks, plain code, selects, actors, other threads, and a task that waits twice. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { spawn } from "../../../src/actors/index.ts";
import {
  Channel,
  dumpTasks,
  go,
  receiveFrom,
  select,
  sendTo,
  setSchedulerThreads,
  sleep,
} from "../../../src/tasks/index.ts";
import { runQueue } from "../../../src/runtime/run-queue.ts";
import { coreOf } from "../../../src/tasks/channel/channel.ts";
import type { LocalChannel } from "../../../src/tasks/channel/local-channel.ts";
import { receiveOne, sendAll } from "../../fixtures/tasks/movable.ts";

setSchedulerThreads(2);

/** Waits until everything on this thread that can go on has done so: no task has a turn or waits for one. */
async function settled(): Promise<void> {
  for (let quiet = 0; quiet < 3; quiet = runQueue.isIdle ? quiet + 1 : 0) await new Promise(setImmediate);
}

/** A waiter of another thread, or of a task that must start first, comes later than its call. */
async function untilQueued(channel: Channel<unknown>, queue: "receivers" | "senders", count: number): Promise<void> {
  while (lengthOf(channel, queue) < count) await new Promise(setImmediate);
}

function lengthOf(channel: Channel<unknown>, queue: "receivers" | "senders"): number {
  let length = 0;
  for (let each = (coreOf(channel) as LocalChannel<unknown>)[queue].first; each !== undefined; each = each.next)
    length++;
  return length;
}

const receivers: Readonly<Record<string, (channel: Channel<unknown>) => PromiseLike<unknown>>> = {
  "a task": (channel) => go(async () => (await channel.receive()).value),
  "plain code": async (channel) => (await channel.receive()).value,
  "a select": (channel) => select([receiveFrom(new Channel<never>()), receiveFrom(channel, (value) => value)]),
  "a select in a task": (channel) => go(() => select([receiveFrom(channel, (value) => value)])),
  "an actor": (channel) =>
    new Promise((resolve) => {
      void spawn(async () => resolve((await channel.receive()).value));
    }),
  "another thread": (channel) => go(receiveOne, channel).then(({ value }) => value),
  "a task that waits twice": (channel) =>
    go(async () => (await Promise.all([new Channel<void>(1).send(), channel.receive(), sleep(0)]))[1].value),
};

const senders: Readonly<Record<string, (channel: Channel<unknown>, value: string) => PromiseLike<unknown>>> = {
  "a task": (channel, value) => go(() => channel.send(value)),
  "plain code": (channel, value) => channel.send(value),
  "a select": (channel, value) => select([receiveFrom(new Channel<never>()), sendTo(channel, value)]),
  "a select in a task": (channel, value) => go(() => select([sendTo(channel, value)])),
  "an actor": (channel, value) => spawn(() => channel.send(value)),
  "another thread": (channel, value) => go(sendAll, channel, [value]),
  "a task that waits twice": (channel, value) => go(() => Promise.all([sleep(0), channel.send(value)])),
};

describe("waiters of all kinds are served in the order in which they came:", () => {
  for (const rotated of Object.keys(receivers).keys()) {
    const kinds = Object.keys(receivers);
    const order = [...kinds.slice(rotated), ...kinds.slice(0, rotated), "a task"];

    test(`receivers, ${order[0]} first`, async () => {
      const channel = new Channel<unknown>();
      const received: PromiseLike<unknown>[] = [];
      for (const kind of order) {
        received.push(receivers[kind]!(channel));
        await untilQueued(channel, "receivers", received.length);
      }
      for (const kind of order.keys()) await channel.send(kind);
      assert.deepEqual(await Promise.all(received), [...order.keys()]);
      assert.equal(channel.trySend("nobody is left"), false);
    });

    test(`senders, ${order[0]} first`, async () => {
      const channel = new Channel<unknown>();
      const sent: PromiseLike<unknown>[] = [];
      for (const [place, kind] of order.entries()) {
        sent.push(senders[kind]!(channel, `${place} ${kind}`));
        await untilQueued(channel, "senders", sent.length);
      }
      const values: unknown[] = [];
      while (values.length < order.length) values.push((await channel.receive()).value);
      assert.deepEqual(
        values,
        order.map((kind, place) => `${place} ${kind}`),
      );
      await Promise.all(sent);
      assert.equal(channel.tryReceive(), undefined);
    });
  }

  test("closing lets all of them go", async () => {
    const channel = new Channel<unknown>();
    const received: PromiseLike<unknown>[] = [];
    for (const kind of Object.keys(receivers)) {
      received.push(receivers[kind]!(channel));
      await untilQueued(channel, "receivers", received.length);
    }
    await channel.close();
    assert.deepEqual(new Set(await Promise.all(received)), new Set([undefined]));
  });
});

describe("a task", () => {
  test("that waits for several things at a time gets each of them, and can wait again for each", async () => {
    const [a, b] = [new Channel<number>(), new Channel<number>()];
    const seen = go(async () => {
      const both: unknown[] = [];
      for (let i = 0; i < 3; i++) both.push(await Promise.all([a.receive(), b.receive(), sleep(0), a.receive()]));
      return both;
    });
    for (let i = 0; i < 9; i += 3) {
      await b.send(i);
      await a.send(i + 1);
      await a.send(i + 2);
    }
    const got = (value: number): unknown => ({ value, ok: true });
    assert.deepEqual(
      await seen,
      [0, 3, 6].map((i) => [got(i + 1), got(i), undefined, got(i + 2)]),
    );
  });

  test("that gave up one of its waits keeps its place with the other, and may wait elsewhere meanwhile", async () => {
    const [slow, quick] = [new Channel<string>(), new Channel<string>()];
    const order: unknown[] = [];
    const first = go(async () => {
      const waiting = slow.receive();
      for (let i = 0; i < 3; i++) order.push((await quick.receive()).value);
      order.push((await waiting).value);
    });
    await settled();
    const second = go(async () => order.push((await slow.receive()).value));
    for (const value of ["q1", "q2", "q3"]) await quick.send(value);
    await slow.send("first");
    await slow.send("second");
    await Promise.all([first, second]);
    assert.deepEqual(order, ["q1", "q2", "q3", "first", "second"]);
  });

  test("may end before the code that it has left running, which goes on waiting and is in no dump", async () => {
    const channel = new Channel<number>();
    const left: number[] = [];
    const loop = async (): Promise<void> => {
      for await (const value of channel) left.push(value);
    };
    const over = Promise.withResolvers<void>();
    await go(async () => {
      void loop().then(over.resolve);
      await sleep(0);
    });
    for (const value of [1, 2, 3]) await channel.send(value);
    assert.deepEqual(await dumpTasks(), []);
    await channel.close();
    await over.promise;
    assert.deepEqual(left, [1, 2, 3]);
  });

  test("is parked in a dump where it waits, and after it was woken where it waits next", async () => {
    const [a, b] = [new Channel<number>(), new Channel<number>()];
    const handle = go(async () => {
      await a.receive();
      await b.send(1);
    });
    const where = async (): Promise<unknown> => (await dumpTasks()).map((each) => [each.state, each.where]);
    await settled();
    assert.deepEqual(await where(), [["parked", "receive"]]);
    void a.trySend(1);
    await settled();
    assert.deepEqual(await where(), [["parked", "send"]]);
    await b.receive();
    await handle;
  });
});
