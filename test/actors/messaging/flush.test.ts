/** `self.flush()`: messages to other threads leave before the sender yields. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  cast,
  schedulerThreads,
  send,
  setSchedulerThreads,
  spawn,
  type Pid,
  type Self,
} from "../../../src/actors/index.ts";
import { flag } from "../../fixtures/actors/flag.ts";
import { reasonOf } from "../support.ts";

setSchedulerThreads(2);

/** Whether the message arrived while its sender kept its thread. */
async function arrives(how: (self: Self, pid: Pid) => unknown): Promise<boolean> {
  const words = new Int32Array(new SharedArrayBuffer(4));
  const pid = await spawn(flag, [words], { on: (await schedulerThreads())[0]! });
  const arrived = Promise.withResolvers<boolean>();
  await spawn((self: Self) => {
    void how(self, pid);
    // The machine may be busy.
    arrived.resolve(Atomics.wait(words, 0, 0, 20_000) !== "timed-out");
  });
  return await arrived.promise;
}

test("a message to another thread that was flushed arrives while its sender computes", async () => {
  assert.equal(
    await arrives((self, pid) => {
      send(pid, "go");
      return self.flush();
    }),
    true,
  );
  assert.equal(
    await arrives((self, pid) => {
      cast(pid as never, "go");
      return self.flush();
    }),
    true,
  );
});

test("flushing resolves at once, with nothing to send as well", async () => {
  assert.equal(
    await reasonOf(async (self) => {
      assert.equal(await self.flush(), undefined);
      await self.flush();
    }),
    "normal",
  );
});
