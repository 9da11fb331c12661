/** An actor whose own code flushes a DOWN message while its receive waits. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { exit, isDown, send, spawn, type Self } from "../../../src/actors/index.ts";
import { settled } from "../support.ts";

const waits = (self: Self): Promise<unknown> => self.receive();

/** Runs a function in an actor, and resolves to its result. */
async function inActor<T>(run: (self: Self) => Promise<T>): Promise<T> {
  const result = Promise.withResolvers<T>();
  await spawn(async (self: Self) => {
    await run(self).then(result.resolve, result.reject);
  });
  return await result.promise;
}

test("a receive that a DOWN message has woken waits on if that is flushed before its turn", async () => {
  const received = await inActor(async (self) => {
    const other = await spawn(waits);
    const ref = self.monitor(other);
    const receiving = self.receive();
    exit(other, "kill");
    self.demonitor(ref, { flush: true });
    setImmediate(send, self.pid, "the next");
    return await receiving;
  });
  assert.equal(received, "the next");
});

test("a selective receive sees the message that comes after a DOWN message was flushed", async () => {
  const received = await inActor(async (self) => {
    const other = await spawn(waits);
    const ref = self.monitor(other);
    for (const message of [1, 2]) send(self.pid, message);
    const receiving = self.receive((message: unknown) => message === "wanted");
    exit(other, "kill");
    const down = Promise.withResolvers<void>();
    void settled().then(async () => {
      self.demonitor(ref, { flush: true });
      send(self.pid, "wanted");
      down.resolve();
    });
    await down.promise;
    const found = await receiving;
    assert.equal(await self.receive((message) => isDown(message, ref), { timeoutMs: 0 }), undefined);
    return found;
  });
  assert.equal(received, "wanted");
});
