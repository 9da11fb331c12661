/** Receiving messages from an actor of this thread or of another: the same order, the same timeouts. */

import assert from "node:assert/strict";
import { spawn, type Pid, type Self } from "../../../src/actors/index.ts";
import { newPuppet, onBothSides, tell } from "../support.ts";

/** An actor of this thread, and what its body comes to. */
async function receiver<T>(body: (self: Self) => Promise<T>): Promise<{ pid: Pid; result: Promise<T> }> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  return { pid: await spawn((self: Self) => body(self).then(resolve, reject)), result: promise };
}

onBothSides("receive scans from the oldest to the newest; the rest stays in place and in order", async (on) => {
  const [sender, gate] = [await newPuppet(on), Promise.withResolvers<void>()];
  const { pid, result } = await receiver(async (self) => {
    await gate.promise;
    return [
      await self.receive((n: number) => n % 2 === 0),
      await self.receive((n: number) => n > 2),
      await self.receive((n: number) => n > 5),
      await self.receive(),
      await self.receive(),
      await self.receive(),
    ];
  });
  await tell(sender, { do: "send", pid, messages: [1, 2, 3, 4, 5] });
  gate.resolve();
  // It waits for this one while there are others.
  await tell(sender, { do: "send", pid, messages: [6] });
  assert.deepEqual(await result, [2, 3, 6, 1, 4, 5]);
});

onBothSides("a timeout of 0 sees what is there, and nothing else", async (on) => {
  const [sender, polled, gate] = [await newPuppet(on), Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { pid, result } = await receiver(async (self) => {
    const before = await self.receive({ timeoutMs: 0 });
    polled.resolve();
    await gate.promise;
    return [
      before,
      await self.receive((m: string) => m === "other", { timeoutMs: 0 }),
      await self.receive({ timeoutMs: 0 }),
      await self.receive({ timeoutMs: 0 }),
    ];
  });
  await polled.promise;
  // Replied to after the message.
  await tell(sender, { do: "send", pid, messages: ["here"] });
  gate.resolve();
  assert.deepEqual(await result, [undefined, undefined, "here", undefined]);
});

onBothSides("the timer of a receive is not restarted by messages that do not match", async (on) => {
  const sender = await newPuppet(on);
  const ended: string[] = [];
  const { pid, result } = await receiver(async (self) => {
    await self.receive((m: string) => m === "never", { timeoutMs: 100 });
    ended.push("100 ms, among messages");
  });
  // Whose patience is longer, and began later: it ends first if the other's begins anew with each message.
  const other = await receiver(async (self) => {
    await self.receive({ timeoutMs: 200 });
    ended.push("200 ms, in silence");
  });
  while (ended.length === 0) await tell(sender, { do: "send", pid, messages: ["other"] });
  await Promise.all([result, other.result]);
  assert.deepEqual(ended, ["100 ms, among messages", "200 ms, in silence"]);
});
