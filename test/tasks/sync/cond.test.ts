/** Condition variables: Go's `sync.Cond`. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Channel, Cond, Context, go, Mutex, RwLock, setSchedulerThreads, sleep } from "../../../src/tasks/index.ts";
import { waitsAndDies, waitsFor } from "../../fixtures/tasks/features.ts";

setSchedulerThreads(2);

/** Starts a task that waits for the condition, and settles when it waits. */
async function waiter(cond: Cond, woken: () => void, context?: Context): Promise<{ handle: PromiseLike<void> }> {
  await cond.lock.lock();
  const locked = Promise.withResolvers<void>();
  const handle = go(async () => {
    await cond.lock.lock();
    locked.resolve();
    try {
      await cond.wait(context);
      woken();
    } finally {
      await cond.lock.unlock();
    }
  });
  await cond.lock.unlock();
  // When the lock is to be had again, the other waits.
  await locked.promise;
  await cond.lock.lock();
  await cond.lock.unlock();
  return { handle };
}

for (const Lock of [Mutex, RwLock]) {
  describe(`a Cond of a ${Lock.name}`, () => {
    test("wakes one at a signal, the one that has waited longest", async () => {
      const cond = new Cond(new Lock());
      const woken: number[] = [];
      const handles = [];
      for (const i of [0, 1, 2]) handles.push((await waiter(cond, () => woken.push(i))).handle);
      for (const i of [0, 1, 2]) {
        void cond.signal();
        await handles[i];
        assert.deepEqual(woken, [0, 1, 2].slice(0, i + 1));
      }
    });

    test("wakes all at a broadcast, and none at a signal that comes before the wait", async () => {
      const cond = new Cond(new Lock());
      void cond.signal();
      let woken = 0;
      const handles = [];
      for (let i = 0; i < 3; i++) handles.push((await waiter(cond, () => woken++)).handle);
      assert.equal(woken, 0);
      void cond.broadcast();
      await Promise.all(handles);
      assert.equal(woken, 3);
    });

    test("unlocks while it waits, and has the lock again when it goes on", async () => {
      const cond = new Cond(new Lock());
      await cond.lock.lock();
      const waiting = cond.wait();
      await cond.lock.lock();
      void cond.signal();
      await sleep(1);
      await cond.lock.unlock();
      await waiting;
      assert.equal(cond.lock.tryLock(), false);
    });

    test("gives up with its context, with the lock, and passes no signal by", async () => {
      const cond = new Cond(new Lock());
      const context = Context.background().withCancel();
      let woken = 0;
      const { handle: first } = await waiter(cond, () => assert.fail("woken"), context);
      const { handle: second } = await waiter(cond, () => woken++);
      const gaveUp = assert.rejects(Promise.resolve(first), { code: "CANCELED" });
      context.cancel();
      await gaveUp;
      void cond.signal();
      await second;
      assert.equal(woken, 1);
      assert.equal(cond.lock.tryLock(), true);
      await assert.rejects(cond.wait(context), { code: "CANCELED" });
      assert.equal(cond.lock.tryLock(), false, "the lock was not given away");
    });

    test("is not waited for without the lock", async () => {
      const cond = new Cond(new Lock());
      await assert.rejects(cond.wait(), { code: "SYNC_MISUSE", message: /unlock of an? / });
      let woken = 0;
      const { handle } = await waiter(cond, () => woken++);
      void cond.signal();
      await handle;
      assert.equal(woken, 1, "the refused wait swallows no signal");
    });
  });
}

test("a Cond needs a lock", () => {
  assert.throws(() => new Cond({} as never), { code: "SYNC_MISUSE", message: /needs a Mutex or an RwLock/ });
});

describe("a Cond across threads", () => {
  test("wakes tasks of all threads, with the lock that it has here", async () => {
    const [cond, word, ready] = [new Cond(), new Int32Array(new SharedArrayBuffer(4)), new Channel<string>()];
    const waiting = Array.from({ length: 4 }, () => go(waitsFor, cond, word, ready));
    for (let i = 0; i < 4; i++) await ready.receive();
    // All of them have their places: each has passed the lock on.
    await cond.lock.lock();
    word[0] = 1;
    await cond.broadcast();
    await cond.lock.unlock();
    const threads = await Promise.all(waiting);
    assert.equal(threads.length, 4);
    assert.equal(cond.lock.tryLock(), true);
  });

  test("passes the places of a dead thread by", async () => {
    const [cond, ready] = [new Cond(), new Channel<string>()];
    const died = assert.rejects(Promise.resolve(go(waitsAndDies, cond, ready)), { code: "THREAD_DIED" });
    await ready.receive();
    await died;
    let woken = 0;
    const { handle } = await waiter(cond, () => woken++);
    void cond.signal();
    await handle;
    assert.equal(woken, 1);
  });
});
