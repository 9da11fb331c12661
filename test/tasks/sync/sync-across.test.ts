/** The rules of wait groups and locks, across threads. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  Channel,
  go,
  type Handle,
  Mutex,
  Once,
  RwLock,
  setSchedulerThreads,
  WaitGroup,
} from "../../../src/tasks/index.ts";
import * as elsewhere from "../../fixtures/tasks/elsewhere.ts";

setSchedulerThreads(2);

function refuses(handle: Handle<unknown>, message: RegExp): Promise<void> {
  return assert.rejects(Promise.resolve(handle), { code: "SYNC_MISUSE", message });
}

describe("WaitGroup, across threads", () => {
  test("refuses Add called concurrently with Wait", async () => {
    const [group, ready] = [new WaitGroup(), new Channel<string>()];
    void group.add(1);
    const waiting = go(elsewhere.waitsInLine, group, ready);
    await ready.receive();
    await refuses(go(elsewhere.finishesAndAdds, group), /Add called concurrently with Wait/);
    await waiting;
  });

  test("refuses to be reused before the previous Wait has returned", async () => {
    const [group, ready] = [new WaitGroup(), new Channel<string>()];
    void group.add(1);
    const first = group.wait().then(() => group.add(1));
    const second = go(elsewhere.waitsInLine, group, ready);
    await ready.receive();
    const refused = refuses(second, /WaitGroup is reused before previous Wait has returned/);
    void group.done();
    await first;
    await refused;
  });
});

describe("Mutex, across threads", () => {
  test("unlocked when it is not locked is an error", async () => {
    const mutex = new Mutex();
    await refuses(go(elsewhere.unlocks, mutex), /unlock of an unlocked mutex/);
    assert.equal(mutex.tryLock(), true, "nothing has changed");
  });

  test("is handed over first come, first served, and is not to be had on its way", async () => {
    const [mutex, ready, had] = [new Mutex(), new Channel<string>(), new Channel<string>(4)];
    await mutex.lock();
    const inLine: PromiseLike<unknown>[] = [];
    for (const who of ["there", "here", "there", "here"]) {
      if (who === "here") {
        inLine.push(mutex.withLock(() => had.send("here")));
      } else {
        inLine.push(go(elsewhere.locksInLine, mutex, ready, had));
        await ready.receive();
      }
    }
    await mutex.unlock();
    assert.equal(mutex.tryLock(), false);
    await Promise.all(inLine);
    await had.close();
    assert.deepEqual(await Array.fromAsync(had), ["there", "here", "there", "here"]);
  });
});

describe("RwLock, across threads", () => {
  test("keeps new readers out while a writer waits, whichever of them is elsewhere", async () => {
    const [lock, ready, had] = [new RwLock(), new Channel<string>(), new Channel<string>(1)];
    await lock.readLock();
    assert.equal(await go(elsewhere.triesToRead, lock), true, "readers come in together");
    const writing = go(elsewhere.locksInLine, lock, ready, had);
    await ready.receive();
    assert.equal(lock.tryReadLock(), false);
    assert.equal(await go(elsewhere.triesToRead, lock), false);
    assert.equal(had.length, 0, "a writer is alone");
    await lock.readUnlock();
    await writing;
    await lock.readLock();
    const here = lock.lock();
    assert.equal(await go(elsewhere.triesToRead, lock), false);
    await lock.readUnlock();
    await here;
    assert.equal(await go(elsewhere.triesToRead, lock), false, "a writer is alone");
    await lock.unlock();
    assert.equal(await go(elsewhere.triesToRead, lock), true);
  });

  test("refuses to be unlocked by nobody", async () => {
    await refuses(go(elsewhere.unlocks, new RwLock()), /not locked for writing/);
    await refuses(go(elsewhere.readUnlocks, new RwLock()), /not locked for reading/);
  });
});

describe("Once, across threads", () => {
  test("lets the second caller wait until the first has ended", async () => {
    const [once, began, ready] = [new Once(), Promise.withResolvers<void>(), new Channel<string>()];
    const gate = Promise.withResolvers<string>();
    const first = once.do(() => {
      began.resolve();
      return gate.promise;
    });
    await began.promise;
    const second = go(elsewhere.doesOnce, once, ready);
    await ready.receive();
    let ended = false;
    void second.ended().then(() => (ended = true));
    // A round trip to each thread: the second would have had its answer.
    await Promise.all([go(elsewhere.unlocks, lockedMutex()), go(elsewhere.unlocks, lockedMutex())]);
    assert.equal(ended, false);
    gate.resolve("of the first");
    assert.deepEqual([await first, await second], ["of the first", "of the first"]);
  });
});

function lockedMutex(): Mutex {
  const mutex = new Mutex();
  void mutex.lock();
  return mutex;
}
