/** Task groups with tasks on other threads, and scopes that are left early. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Channel, setSchedulerThreads, TaskGroup } from "../../../src/tasks/index.ts";
import { counted, endsLate } from "../../fixtures/tasks/elsewhere.ts";
import { fail } from "../../fixtures/tasks/movable.ts";

setSchedulerThreads(2);

function words(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(8));
}

test("the first error of a group cancels its tasks on other threads, and they have ended when wait throws it", async () => {
  const [group, ready, on, word] = [new TaskGroup(), new Channel<string>(), new Channel<never>(), words()];
  void group.go(endsLate, ready, on, word);
  await ready.receive();
  void group.go(fail);
  let hasThrown = false;
  const waiting = group.wait().finally(() => (hasThrown = true));
  const failed = assert.rejects(waiting, RangeError);
  assert.equal((await ready.receive()).value, "cancelled");
  assert.equal(hasThrown, false);
  await on.close();
  await failed;
  assert.equal(word[0], 1);
  assert.ok(group.context.cause instanceof RangeError);
});

test("the first error of a group is the one that is told, also if others follow", async () => {
  const group = new TaskGroup();
  const started = Promise.withResolvers<void>();
  void group.go(async (context) => {
    started.resolve();
    await context.done.receive();
    throw new Error("because of the first");
  });
  await started.promise;
  void group.go(() => {
    throw new Error("first");
  });
  await assert.rejects(group.wait(), { message: "first" });
});

test("no more tasks of a group run on other threads at once than its limit lets", async () => {
  const [group, word] = [new TaskGroup(), words()];
  group.setLimit(2);
  for (let i = 0; i < 8; i++) await group.go(counted, word);
  assert.throws(() => group.setLimit(3), { code: "SYNC_MISUSE" });
  await group.wait();
  assert.equal(word[0], 0);
  assert.ok(word[1] === 1 || word[1] === 2, `${word[1]}`);
  group.setLimit(0);
  assert.equal(group.tryGo(counted, word), false);
});

test("a scope that is left by a throw has waited for all tasks of its group, on every thread", async () => {
  const [gate, word] = [Promise.withResolvers<void>(), words()];
  const ended: string[] = [];
  const scope = async (): Promise<void> => {
    await using group = new TaskGroup();
    void group.go(async () => {
      await gate.promise;
      ended.push("task");
    });
    void group.go(counted, word);
    throw new Error("left early");
  };
  const left = scope().catch((error: Error) => ended.push(error.message));
  await new Promise(setImmediate);
  assert.deepEqual(ended, []);
  gate.resolve();
  await left;
  assert.deepEqual(ended, ["task", "left early"]);
  assert.deepEqual([...word], [0, 1]);
});

test("wait tells the failure each time, and a scope does not tell it again", async () => {
  const failure = new Error("one failed");
  const scope = async (): Promise<void> => {
    await using group = new TaskGroup();
    await group.go(() => Promise.reject(failure));
    const waits = [group.wait(), group.wait()];
    for (const wait of waits) await assert.rejects(wait, failure);
    await group.go(() => "later");
    await assert.rejects(group.wait(), failure);
  };
  await scope();
  const silent = async (): Promise<void> => {
    await using group = new TaskGroup();
    await group.go(() => Promise.reject(failure));
  };
  await assert.rejects(silent, failure, "nobody was told");
});

test("a group refuses a limit that is no number, and a context that is none", () => {
  const group = new TaskGroup();
  for (const wrong of ["2", undefined, null, Number.NaN]) {
    assert.throws(() => group.setLimit(wrong as never), { code: "SYNC_MISUSE", message: /a limit is a number/ });
  }
  assert.throws(() => new TaskGroup(new AbortController().signal as never), {
    code: "TASK_INVALID",
    message: "new TaskGroup() needs a Context, and got AbortSignal.",
  });
});
