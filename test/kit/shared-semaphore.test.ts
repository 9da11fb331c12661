import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SharedSemaphore } from "../../src/kit/shared-semaphore.ts";

describe("shared slots", () => {
  test("are taken up to the limit and not beyond", () => {
    const slots = SharedSemaphore.create(2, 0);
    assert.deepEqual([slots.tryTake(), slots.tryTake(), slots.tryTake()], [true, true, false]);
    slots.give();
    assert.deepEqual([slots.tryTake(), slots.tryTake()], [true, false]);
    assert.equal(slots.taken, 2);
  });

  test("let no more wait than may", () => {
    const slots = SharedSemaphore.create(0, 2);
    assert.deepEqual([slots.tryJoinQueue(), slots.tryJoinQueue(), slots.tryJoinQueue()], [true, true, false]);
    slots.leaveQueue(2);
    assert.equal(slots.waiting, 0);
  });

  test("are not fewer if more are wanted than a word of memory can count", () => {
    for (const limit of [2 ** 31, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]) {
      const slots = SharedSemaphore.create(limit, limit);
      assert.equal(slots.limit, 2 ** 31 - 1);
      assert.deepEqual(
        [slots.tryTake(), slots.tryTake(), slots.tryJoinQueue(), slots.tryJoinQueue()],
        [true, true, true, true],
      );
    }
  });

  test("are the same to everyone who has the handle", () => {
    const slots = SharedSemaphore.create(1, 1);
    const others = new SharedSemaphore(structuredClone(slots.handle));
    assert.ok(others.tryTake());
    assert.equal(slots.tryTake(), false);
  });

  test("wake a waiter when one is given back", async () => {
    const slots = SharedSemaphore.create(1, 1);
    slots.tryTake();
    slots.tryJoinQueue();
    const woken = slots.given.changed(slots.given.count);
    assert.notEqual(woken, undefined);
    slots.give();
    // Waiting on shared memory does not keep the process alive by itself.
    const alive = setInterval(() => {}, 1000);
    assert.equal(await woken, "ok");
    clearInterval(alive);
  });

  test("tell at once of a slot given back since one looked", () => {
    const slots = SharedSemaphore.create(1, 1);
    slots.tryTake();
    slots.tryJoinQueue();
    const seen = slots.given.count;
    slots.give();
    assert.equal(slots.given.changed(seen), undefined);
  });

  test("take new limits, and wake who may now enter", async () => {
    const slots = SharedSemaphore.create(2, 1);
    const others = new SharedSemaphore(structuredClone(slots.handle));
    assert.deepEqual([slots.tryTake(), slots.tryTake()], [true, true]);
    others.resize(1, 1);
    slots.give();
    assert.equal(slots.tryTake(), false, "one is still out, and that is the new limit");
    slots.tryJoinQueue();
    const seen = slots.given.count;
    others.resize(3, 1);
    assert.equal(slots.given.changed(seen), undefined, "woken");
    assert.equal(slots.tryTake(), true);
  });

  test("what nobody took or joined can't be given back: that is an error, and changes nothing", () => {
    const slots = SharedSemaphore.create(2, 2);
    slots.tryTake();
    assert.throws(() => slots.give(2), { code: "INTERNAL", message: /1 slots taken, and 2 were to be given back/ });
    assert.throws(() => slots.leaveQueue(), { code: "INTERNAL", message: /0 waiters, and 1/ });
    assert.deepEqual([slots.taken, slots.waiting], [1, 0]);
  });
});
