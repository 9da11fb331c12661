/** Operations that a context ends. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  Channel,
  Cond,
  Context,
  go,
  Mutex,
  RwLock,
  Semaphore,
  setSchedulerThreads,
  SingleFlight,
  WaitGroup,
} from "../../../src/tasks/index.ts";
import { locksUnder, receivesUnder } from "../../fixtures/tasks/features.ts";
import { watchTimers } from "../../support/timers.ts";
import { channelKinds } from "../channels.ts";

setSchedulerThreads(2);
const CANCELED = { code: "CANCELED" };

function newContext(): ReturnType<Context["withCancel"]> {
  return Context.background().withCancel();
}

for (const { kind, make } of channelKinds) {
  describe(`a channel ${kind}, with a context`, () => {
    test("gives up a receive, and loses no value", async () => {
      const [channel, context] = [await make(0), newContext()];
      const receiving = assert.rejects(channel.receive(context), CANCELED);
      context.cancel();
      await receiving;
      const sending = channel.send(1);
      assert.deepEqual(await channel.receive(newContext()), { value: 1, ok: true });
      await sending;
    });

    test("gives up a send, and the value was not sent", async () => {
      const [channel, context] = [await make(0), newContext()];
      const sending = assert.rejects(channel.send(1, context), CANCELED);
      context.cancel();
      await sending;
      const other = channel.send(2, newContext());
      assert.deepEqual(await channel.receive(), { value: 2, ok: true });
      await other;
    });

    test("fails with a context that is cancelled already, whatever is ready", async () => {
      const [channel, context] = [await make(2, [1]), newContext()];
      context.cancel();
      await assert.rejects(channel.receive(context), CANCELED);
      await assert.rejects(channel.send(2, context), CANCELED);
      assert.deepEqual(await channel.receive(), { value: 1, ok: true });
      assert.equal(await channel.tryReceive(), undefined);
    });

    test("moves or copies what it sends, receives the end, and refuses on a closed channel", async () => {
      const channel = (await make(2)) as Channel<unknown>;
      const bytes = new Uint8Array(8);
      await channel.send(bytes, [bytes.buffer], newContext());
      assert.equal(((await channel.receive(newContext())).value as Uint8Array).length, 8);
      await channel.close();
      assert.deepEqual(await channel.receive(newContext()), { value: undefined, ok: false });
      await assert.rejects(channel.send(1, newContext()), { code: "CHANNEL_CLOSED" });
    });

    test("loses and doubles nothing when a context is cancelled at any moment", async () => {
      const channel = await make(0);
      const got: number[] = [];
      let given = 0;
      for (let i = 0; i < 60; i++) {
        const context = newContext();
        const receiving = channel.receive(context).then(
          ({ value }) => got.push(value!),
          () => {},
        );
        const sending = channel.send(i, i % 2 === 0 ? newContext() : undefined);
        for (let turns = i % 4; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
        context.cancel();
        await receiving;
        if (got.at(-1) !== i) {
          given++;
          assert.deepEqual(await channel.receive(), { value: i, ok: true });
        }
        await sending;
      }
      assert.equal(got.length + given, 60);
      assert.equal(new Set(got).size, got.length);
    });
  });
}

test("an operation under a context leaves nothing with it: no listener, and no timer that keeps the program alive", async (t) => {
  const seen = watchTimers(t);
  const context = Context.background().withTimeout(3_600_000);
  const channel = new Channel<number>(1);
  await channel.send(1, context);
  await channel.receive(context);
  await new Mutex().lock(context);
  await new WaitGroup().wait(context);
  assert.equal(context.listeners, 0);
  for (const timer of seen.live) assert.equal((timer as NodeJS.Timeout).hasRef(), false);
  context.cancel();
});

test("what is no context is refused, such as an AbortSignal", async () => {
  const signal = AbortSignal.abort() as never;
  const channel = new Channel<number>(1);
  const got = { code: "TASK_INVALID", message: /needs a Context, and got AbortSignal/ };
  await assert.rejects(channel.receive(signal), got);
  await assert.rejects(channel.send(1, signal), got);
  await assert.rejects(new Mutex().lock(signal), got);
  await assert.rejects(new RwLock().lock(signal), got);
  await assert.rejects(new RwLock().readLock(signal), got);
  await assert.rejects(new WaitGroup().wait(signal), got);
  await assert.rejects(new Cond().wait(signal), got);
  await assert.rejects(
    new SingleFlight().do("key", () => 1, signal),
    got,
  );
});

test("a context without cancel changes nothing", async () => {
  const channel = new Channel<number>(1);
  await channel.send(1, Context.background());
  assert.deepEqual(await channel.receive(Context.background().withValue("a", 1)), { value: 1, ok: true });
});

describe("a lock with a context", () => {
  const locks = [
    { name: "Mutex", make: () => new Mutex(), take: (lock: Mutex, context?: Context) => lock.lock(context) },
    { name: "RwLock", make: () => new RwLock(), take: (lock: RwLock, context?: Context) => lock.lock(context) },
  ] as const;
  for (const { name, make, take } of locks) {
    test(`${name}: a task that gives up does not get it, and those behind it do`, async () => {
      const [lock, context] = [make(), newContext()];
      await take(lock as never);
      const first = assert.rejects(take(lock as never, context), CANCELED);
      const second = take(lock as never, newContext());
      context.cancel();
      await first;
      await lock.unlock();
      await second;
      assert.equal(lock.tryLock(), false);
      await assert.rejects(take(lock as never, context), CANCELED);
      await lock.unlock();
      await assert.rejects(take(lock as never, context), CANCELED, "though it is free");
      await assert.rejects(
        lock.withLock(() => assert.fail("ran"), context),
        CANCELED,
      );
    });
  }

  test("RwLock: readers that waited behind a writer that gave up go on", async () => {
    const [lock, context] = [new RwLock(), newContext()];
    await lock.readLock();
    const writing = assert.rejects(lock.lock(context), CANCELED);
    const reading = lock.readLock();
    context.cancel();
    await writing;
    await reading;
    await assert.rejects(lock.readLock(context), CANCELED);
  });

  test("Semaphore: withPermit waits under a context", async () => {
    const [semaphore, context] = [new Semaphore(1), newContext()];
    await semaphore.acquire();
    const waiting = assert.rejects(
      semaphore.withPermit(() => assert.fail("ran"), 1, context),
      CANCELED,
    );
    context.cancel();
    await waiting;
  });

  test("WaitGroup: a task that gives up does not disturb the others", async () => {
    const [group, context] = [new WaitGroup(), newContext()];
    void group.add(1);
    const gaveUp = assert.rejects(group.wait(context), CANCELED);
    const waits = group.wait();
    context.cancel();
    await gaveUp;
    void group.done();
    await waits;
  });
});

describe("on another thread", () => {
  test("a receive is given up, with the context's cause", async () => {
    const [channel, ready, context] = [new Channel<number>(), new Channel<string>(), newContext()];
    const told = go(receivesUnder, channel, context, ready);
    await ready.receive();
    context.cancel("enough");
    assert.equal(await told, "CANCELED enough");
    assert.equal(channel.trySend(1), false, "nobody receives any more");
  });

  test("a lock and a wait are given up, and go to the next", async () => {
    const [mutex, group, ready] = [new Mutex(), new WaitGroup(), new Channel<string>()];
    await mutex.lock();
    void group.add(1);
    for (const object of [mutex, group]) {
      const context = newContext();
      const told = go(locksUnder, object, context, ready);
      await ready.receive();
      context.cancel();
      assert.equal(await told, "CANCELED");
    }
    const locked = go(locksUnder, mutex, newContext(), ready);
    await ready.receive();
    await mutex.unlock();
    assert.equal(await locked, "locked");
  });
});
