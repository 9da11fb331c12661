/** Tasks that a wait group of another thread counts, when that thread ends. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { blocking, Channel, setSchedulerThreads, type WaitGroup } from "../../../src/tasks/index.ts";
import { homesGroup } from "../../fixtures/tasks/holders.ts";

setSchedulerThreads(2);

const LOST = { code: "CHANNEL_LOST" };

test("tasks end as they would, and only who waits for the group is told that it is lost", async () => {
  const [out, on] = [new Channel<WaitGroup>(), new Channel<never>()];
  const died = assert.rejects(Promise.resolve(blocking(homesGroup, out, on)), { code: "THREAD_DIED" });
  const group = (await out.receive()).value!;
  const gate = Promise.withResolvers<string>();
  const before = group.go(() => gate.promise);
  await on.close();
  await died;
  const after = group.go(() => "after");
  gate.resolve("before");
  assert.deepEqual(await Promise.all([before, after]), ["before", "after"]);
  await assert.rejects(group.wait(), LOST);
  // Node tells of unhandled rejections now, and the test runner fails the test.
  await new Promise(setImmediate);
});
