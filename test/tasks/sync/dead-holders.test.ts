/** What a thread held or waited for when it ended: it all comes back, and nothing more. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  blocking,
  Channel,
  go,
  Mutex,
  Once,
  RwLock,
  Semaphore,
  setSchedulerThreads,
  type Task,
  WaitGroup,
} from "../../../src/tasks/index.ts";
import { countInvolved } from "../../../src/tasks/sync/holds.ts";
import * as holders from "../../fixtures/tasks/holders.ts";
import { once as doesOnce } from "../../fixtures/tasks/movable.ts";

setSchedulerThreads(2);

/** Starts a task that ends its thread. The result lets it end, and resolves when the thread is gone. */
async function holding<Args extends readonly unknown[]>(
  task: Task<[...Args, Channel<string>, Channel<never>], never>,
  ...args: Args
): Promise<() => Promise<void>> {
  const [ready, on] = [new Channel<string>(), new Channel<never>()];
  const died = assert.rejects(Promise.resolve(blocking(task, ...args, ready, on)), { code: "THREAD_DIED" });
  await ready.receive();
  return async () => {
    void on.close();
    await died;
  };
}

/** Exactly these permits are free. */
function assertFree(semaphore: Semaphore, count: number, permits: number): void {
  assert.equal(semaphore.tryAcquire(count), true, `${count} are free`);
  if (count < permits) assert.equal(semaphore.tryAcquire(1), false, "and no more");
  void semaphore.release(count);
}

describe("a semaphore, when a thread ends that holds permits", () => {
  for (const [title, acquired, released] of [
    ["of two tasks", [1, 1], []],
    ["of two tasks, of which one has released", [3, 1], [3]],
    ["released in other portions than acquired", [3, 2], [1, 1, 2]],
    ["all of which are released", [2, 2], [1, 3]],
  ] as const) {
    test(`has all of them again: ${title}`, async () => {
      const semaphore = new Semaphore(6);
      const die = await holding(holders.acquires, semaphore, acquired, released);
      await die();
      assertFree(semaphore, 6, 6);
    });
  }

  test("keeps what others hold, whoever has released what", async () => {
    const semaphore = new Semaphore(6);
    const die = await holding(holders.acquires, semaphore, [2], []);
    await semaphore.acquire(3);
    // One of its own, by another thread that holds none.
    await go(holders.releases, semaphore, 1);
    await die();
    assertFree(semaphore, 4, 6);
    void semaphore.release(2);
    assertFree(semaphore, 6, 6);
  });

  test("counts a permit as released if it was handed to another thread, which has released it", async () => {
    const semaphore = new Semaphore(2);
    const die = await holding(holders.acquires, semaphore, [1], []);
    void semaphore.release(1);
    await semaphore.acquire(2);
    await die();
    assert.equal(semaphore.tryAcquire(1), false, "both are held here");
  });

  test("no longer lets others wait behind its request", async () => {
    const semaphore = new Semaphore(2);
    await semaphore.acquire(1);
    const die = await holding(holders.wantsPermits, semaphore, 2);
    const small = semaphore.acquire(1);
    await die();
    await small;
    void semaphore.release(2);
    assertFree(semaphore, 2, 2);
  });
});

describe("a mutex, when a thread ends that has locked it", () => {
  test("goes to the next in the line", async () => {
    const mutex = new Mutex();
    const die = await holding(holders.locks, mutex);
    const next = mutex.lock();
    await die();
    await next;
    assert.equal(mutex.tryLock(), false);
  });

  test("stays locked if somebody else has unlocked it, and locked it again", async () => {
    const mutex = new Mutex();
    const die = await holding(holders.locks, mutex);
    void mutex.unlock();
    await mutex.lock();
    await die();
    assert.equal(mutex.tryLock(), false, "it is held here");
  });

  test("stays locked if it was handed over while the thread was alive", async () => {
    const mutex = new Mutex();
    const die = await holding(holders.locks, mutex);
    const next = mutex.lock();
    void mutex.unlock();
    await die();
    await next;
    assert.equal(mutex.tryLock(), false, "it is held here");
  });
});

describe("an RwLock, when a thread ends", () => {
  test("that reads several times, lets a writer in, and not before", async () => {
    const lock = new RwLock();
    const die = await holding(holders.reads, lock, 3, "no");
    assert.equal(lock.tryLock(), false);
    const writing = lock.lock();
    await die();
    await writing;
    assert.equal(lock.tryReadLock(), false);
  });

  test("that reads, leaves other readers in", async () => {
    const lock = new RwLock();
    const die = await holding(holders.reads, lock, 1, "no");
    await lock.readLock();
    await die();
    assert.equal(lock.tryLock(), false, "it is read here");
    void lock.readUnlock();
    assert.equal(lock.tryLock(), true);
  });

  test("that waits to write, lets the readers in that stood behind it", async () => {
    const lock = new RwLock();
    await lock.readLock();
    const die = await holding(holders.reads, lock, 0, "for writing");
    assert.equal(lock.tryReadLock(), false, "a writer waits");
    const reading = lock.readLock();
    await die();
    await reading;
  });

  test("that writes, lets the next in", async () => {
    const lock = new RwLock();
    const die = await holding(holders.locks, lock);
    const reading = lock.readLock();
    await die();
    await reading;
  });
});

describe("a Once, when its runner's thread ends", () => {
  test("is run by the next caller", async () => {
    const once = new Once();
    const die = await holding(holders.beginsOnce, once);
    const next = once.do(() => "of the next");
    await die();
    assert.equal(await next, "of the next");
  });
});

describe("a WaitGroup, when a thread ends", () => {
  test("no longer waits for what the thread has started with go", async () => {
    const group = new WaitGroup();
    const die = await holding(holders.startsInGroup, group);
    const waiting = group.wait();
    await die();
    await waiting;
  });

  test("fails no sooner than before if somebody has called done for it", async () => {
    const group = new WaitGroup();
    const die = await holding(holders.startsInGroup, group);
    void group.done();
    await die();
    await group.wait();
  });
});

test("an operation that is over leaves no record", async () => {
  const before = countInvolved();
  const word = new Int32Array(new SharedArrayBuffer(4));
  for (let i = 0; i < 20; i++) await go(doesOnce, new Once(), word);
  const mutex = new Mutex();
  const die = await holding(holders.locks, mutex);
  assert.equal(countInvolved(), before + 1);
  void mutex.unlock();
  assert.equal(countInvolved(), before);
  await die();
});

for (const how of ["value", "error"] as const) {
  test(`the ${how} of a Once is the same object for all callers of a thread`, async () => {
    const here = new Once();
    const run = (): object => {
      const result = new Error("of the run");
      if (how === "error") throw result;
      return result;
    };
    const [first, second] = await Promise.all(
      [0, 1].map(() =>
        here.do(run).then(
          (value: unknown) => value,
          (error: unknown) => error,
        ),
      ),
    );
    assert.equal(first, second);
    const far = new Once();
    assert.deepEqual(await go(holders.doesTwice, far, how), [true, "of the run"]);
    const copies = await Promise.all(
      [0, 1].map(() =>
        far.do(run).then(
          (value: unknown) => value,
          (error: unknown) => error,
        ),
      ),
    );
    assert.ok(copies[0] instanceof RangeError);
    assert.equal(copies[0], copies[1], "one copy for this thread");
  });
}
