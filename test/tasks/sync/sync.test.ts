import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  go,
  Context,
  Mutex,
  Once,
  RwLock,
  Semaphore,
  setSchedulerThreads,
  sleep,
  TaskGroup,
  WaitGroup,
} from "../../../src/tasks/index.ts";
import * as movable from "../../fixtures/tasks/movable.ts";

setSchedulerThreads(2);

function misuse(message: RegExp): { code: string; message: RegExp } {
  return { code: "SYNC_MISUSE", message };
}

function words(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(8));
}

async function turns(): Promise<void> {
  await new Promise(setImmediate);
}

describe("WaitGroup", () => {
  test("waits until all are done", async () => {
    const group = new WaitGroup();
    await group.wait();
    let ended = 0;
    for (let i = 0; i < 3; i++) {
      group.go(async () => {
        await sleep(1);
        ended++;
      });
    }
    await Promise.all([group.wait(), group.wait()]);
    assert.equal(ended, 3);
  });

  test("waits for tasks on other threads, and on them", async () => {
    const [group, word] = [new WaitGroup(), words()];
    void group.add(2);
    const waiting = go(movable.waits, group, word);
    const finishing = [go(movable.finishes, group, word), go(movable.finishes, group, word)];
    await group.wait();
    assert.equal(word[0], 2);
    assert.equal(await waiting, 2);
    await Promise.all(finishing);
    group.go(movable.mark, word);
    await group.wait();
    assert.equal(word[0], 1);
  });

  test("refuses a negative counter", async () => {
    const group = new WaitGroup();
    assert.throws(() => group.done(), misuse(/negative WaitGroup counter/));
    await assert.rejects(Promise.resolve(go(movable.finishes, group, words())), misuse(/negative WaitGroup counter/));
  });

  test("refuses Add called concurrently with Wait", async () => {
    const group = new WaitGroup();
    void group.add(1);
    const waiting = group.wait();
    void group.done();
    assert.throws(() => group.add(1), misuse(/Add called concurrently with Wait/));
    await waiting;
    void group.add(1);
  });

  test("refuses to be reused before the previous Wait has returned", async () => {
    const group = new WaitGroup();
    void group.add(1);
    const first = group.wait().then(() => group.add(1));
    const second = assert.rejects(group.wait(), misuse(/WaitGroup is reused before previous Wait has returned/));
    void group.done();
    await first;
    await second;
  });
});

describe("Mutex", () => {
  test("is held by one at a time and handed over first come, first served", async () => {
    const mutex = new Mutex();
    const order: number[] = [];
    let inside = 0;
    await Promise.all(
      [1, 2, 3].map((n) =>
        mutex.withLock(async () => {
          assert.equal(++inside, 1);
          await turns();
          order.push(n);
          inside--;
        }),
      ),
    );
    assert.deepEqual(order, [1, 2, 3]);
  });

  test("is not to be had on its way to the next", async () => {
    const mutex = new Mutex();
    await mutex.lock();
    const next = mutex.lock();
    void mutex.unlock();
    assert.equal(mutex.tryLock(), false);
    await next;
    void mutex.unlock();
    assert.equal(mutex.tryLock(), true);
  });

  test("unlocked when it is not locked is an error", async () => {
    assert.throws(() => new Mutex().unlock(), misuse(/unlock of an unlocked mutex/));
  });

  test("is held by one at a time across threads", async () => {
    const [mutex, word] = [new Mutex(), words()];
    await Promise.all([
      go(movable.increments, mutex, word, 20),
      go(movable.increments, mutex, word, 20),
      movable.increments(mutex, word, 20),
    ]);
    assert.equal(word[0], 60);
  });

  test("is given back for a thread that dies with it", async () => {
    const mutex = new Mutex();
    await assert.rejects(Promise.resolve(go(movable.lockAndDie, mutex)), { code: "THREAD_DIED" });
    await mutex.lock();
  });
});

describe("RwLock", () => {
  test("lets readers in together, and a writer alone", async () => {
    const lock = new RwLock();
    await lock.readLock();
    await lock.readLock();
    assert.equal(lock.tryLock(), false);
    void lock.readUnlock();
    void lock.readUnlock();
    assert.equal(lock.tryLock(), true);
    assert.equal(lock.tryReadLock(), false);
    void lock.unlock();
  });

  test("keeps new readers out while a writer waits, and lets them in before the next writer", async () => {
    const lock = new RwLock();
    const order: string[] = [];
    await lock.readLock();
    const writer = lock.withLock(async () => {
      order.push("writer");
      await turns();
    });
    const reader = lock.withReadLock(() => void order.push("reader"));
    const second = lock.withLock(() => void order.push("second writer"));
    assert.equal(lock.tryReadLock(), false);
    void lock.readUnlock();
    await Promise.all([writer, reader, second]);
    assert.deepEqual(order, ["writer", "reader", "second writer"]);
  });

  test("refuses to be unlocked by nobody", () => {
    assert.throws(() => new RwLock().unlock(), misuse(/not locked for writing/));
    assert.throws(() => new RwLock().readUnlock(), misuse(/not locked for reading/));
  });

  test("works across threads", async () => {
    const [lock, word] = [new RwLock(), words()];
    await lock.lock();
    const reading = [go(movable.reads, lock, word), go(movable.reads, lock, word)];
    word[0] = 100;
    await turns();
    word[0] = 0;
    await lock.unlock();
    for (const most of await Promise.all(reading)) assert.ok(most === 1 || most === 2, `${most}`);
  });
});

describe("Semaphore", () => {
  test("has so many permits, given first come, first served also to large requests", async () => {
    const semaphore = new Semaphore(3);
    await semaphore.acquire(2);
    const order: string[] = [];
    const large = semaphore.acquire(3).then(() => void order.push("large"));
    const small = semaphore.acquire(1).then(() => void order.push("small"));
    assert.equal(semaphore.tryAcquire(1), false, "the large request is first");
    void semaphore.release(2);
    await large;
    void semaphore.release(3);
    await small;
    assert.deepEqual(order, ["large", "small"]);
  });

  test("gives up with its context, and lets those behind go on", async () => {
    const semaphore = new Semaphore(2);
    await semaphore.acquire(1);
    const context = Context.background().withCancel();
    const large = assert.rejects(semaphore.acquire(2, context), { code: "CANCELED" });
    const small = semaphore.acquire(1);
    context.cancel();
    await Promise.all([large, small]);
    await assert.rejects(semaphore.acquire(1, context), { code: "CANCELED" });
  });

  test("gives nothing to a caller whose context is cancelled, even if enough is free", async () => {
    const semaphore = new Semaphore(2);
    const context = Context.background().withCancel();
    context.cancel("before");
    await assert.rejects(semaphore.acquire(1, context), { code: "CANCELED", cause: "before" });
    await assert.rejects(semaphore.acquire(3, context), misuse(/3 were requested/));
    assert.equal(semaphore.tryAcquire(2), true, "none was taken");
    const late = Context.background().withCancel();
    const waiting = assert.rejects(semaphore.acquire(1, late), { code: "CANCELED" });
    void semaphore.release(1);
    // It has been granted, but the caller has not gone on.
    late.cancel();
    await waiting;
    assert.equal(semaphore.tryAcquire(1), true, "and given back");
    await assert.rejects(semaphore.acquire(1, new AbortController().signal as never), { code: "TASK_INVALID" });
  });

  test("refuses what it can't have", async () => {
    const semaphore = new Semaphore(1);
    await assert.rejects(semaphore.acquire(2), misuse(/has 1 permit, and 2 were requested/));
    assert.throws(() => semaphore.release(1), misuse(/released 1 time more/));
    assert.throws(() => new Semaphore(-1), misuse(/whole number/));
  });

  test("limits tasks on several threads", async () => {
    const [semaphore, word] = [new Semaphore(1), words()];
    const seen = await Promise.all(Array.from({ length: 6 }, () => go(movable.withPermit, semaphore, word)));
    assert.deepEqual(seen, [1, 1, 1, 1, 1, 1]);
  });
});

describe("Once", () => {
  test("runs once: the second caller waits for the first, and gets its result", async () => {
    const once = new Once();
    let runs = 0;
    const run = async (): Promise<number> => {
      await turns();
      return ++runs;
    };
    assert.deepEqual(await Promise.all([once.do(run), once.do(run)]), [1, 1]);
    assert.equal(await once.do(run), 1);
  });

  test("that failed has run", async () => {
    const once = new Once();
    const fail = (): never => {
      throw new RangeError("first");
    };
    await assert.rejects(once.do(fail), RangeError);
    await assert.rejects(
      once.do(() => 1),
      RangeError,
    );
  });

  test("runs once on all threads", async () => {
    const [once, word] = [new Once(), words()];
    const results = await Promise.all(Array.from({ length: 4 }, () => go(movable.once, once, word)));
    assert.deepEqual(results, [1, 1, 1, 1]);
    assert.equal(await once.do(() => 2), 1);
  });
});

describe("TaskGroup", () => {
  test("waits for all, and then cancels its context", async () => {
    const group = new TaskGroup();
    const done: number[] = [];
    void group.go(async () => {
      await sleep(1);
      done.push(1);
    });
    void group.go(movable.add, 1, 2);
    await group.wait();
    assert.deepEqual(done, [1]);
    assert.equal(group.context.error?.code, "CANCELED");
  });

  test("fails with the first error, which cancels the others", async () => {
    const group = new TaskGroup();
    let seen: string | undefined;
    const started = Promise.withResolvers<void>();
    void group.go(async (context) => {
      started.resolve();
      await context.done.receive();
      seen = context.error?.code;
      throw new Error("second");
    });
    // One that was cancelled before it started never would.
    await started.promise;
    void group.go(movable.fail);
    await assert.rejects(group.wait(), RangeError);
    assert.equal(seen, "CANCELED");
    assert.ok(group.context.cause instanceof RangeError);
  });

  test("leaves nothing running behind its scope", async () => {
    const word = words();
    let ended = false;
    {
      await using group = new TaskGroup();
      void group.go(async () => {
        await sleep(2);
        ended = true;
      });
      void group.go(movable.mark, word);
    }
    assert.equal(ended, true);
    assert.equal(word[0], 1);
  });

  test("waits also for those that its cancellation reaches late", async () => {
    const parent = Context.background().withCancel();
    const group = new TaskGroup(parent);
    let ended = false;
    const started = Promise.withResolvers<void>();
    void group.go(async () => {
      started.resolve();
      await sleep(2);
      ended = true;
    });
    // One that has not started never does.
    await started.promise;
    parent.cancel(new Error("enough"));
    await assert.rejects(group.wait(), { code: "CANCELED" });
    assert.equal(ended, true);
  });

  test("makes go wait at its limit, and tryGo answer false", async () => {
    const group = new TaskGroup();
    group.setLimit(1);
    let inside = 0;
    const body = async (): Promise<void> => {
      assert.equal(++inside, 1);
      await turns();
      inside--;
    };
    const started = [group.go(body), group.go(body)];
    assert.equal(group.tryGo(body), false);
    assert.throws(() => group.setLimit(2), misuse(/modify limit while the group has 1 active task/));
    await Promise.all(started);
    await group.wait();
    assert.equal(group.tryGo(body), true);
    await group.wait();
    group.setLimit(0);
    assert.equal(group.tryGo(body), false);
    group.setLimit(-1);
    assert.equal(group.tryGo(body), true);
    await group.wait();
  });
});
