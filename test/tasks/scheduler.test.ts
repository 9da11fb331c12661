/** Where tasks run, what can't disturb them, and how failures are reported that nobody awaits. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { exit, type Pid } from "../../src/actors/index.ts";
import { blocking, Channel, go, setSchedulerThreads, TaskGroup, WaitGroup } from "../../src/tasks/index.ts";
import { hopBesideActor, wokenByRunaway } from "../fixtures/tasks/beside-actors.ts";
import { pingPongs, stays } from "../fixtures/tasks/elsewhere.ts";
import { echo, hold, where } from "../fixtures/tasks/movable.ts";

setSchedulerThreads(2);
const run = promisify(execFile);

function words(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(8));
}

test("a task that has started stays on its thread, however busy that is, and however idle another", async () => {
  const [ready, on] = [new Channel<number>(), new Channel<never>()];
  // One on each thread, so that one of them is on the thread that stays busy.
  const started = [go(stays, ready, on), go(stays, ready, on)];
  const threads = [(await ready.receive()).value, (await ready.receive()).value];
  assert.equal(new Set(threads).size, 2);
  const held = [words(), words()];
  const holding = held.map((word) => go(hold, word));
  for (const word of held) while (Atomics.load(word, 1) === 0) await new Promise(setImmediate);
  await on.close();
  Atomics.store(held[0]!, 0, 1);
  await holding[0];
  // The idle thread has started whatever it could have by the time it has started this.
  assert.ok(threads.includes(await go(where)));
  Atomics.store(held[1]!, 0, 1);
  for (const [before, after] of await Promise.all(started)) assert.equal(after, before);
  await holding[1];
});

test("two tasks that only ping-pong on another thread starve neither its timers nor its I/O", async () => {
  // It could not end if they did.
  assert.equal(await go(pingPongs), "the timer has fired");
});

test("tasks that only hop from one to the other leave the actors of their thread their turns", async () => {
  assert.equal(await go(hopBesideActor, 100), 100);
});

for (const by of ["a send", "a receive", "a reply", "a close"] as const) {
  test(`a task that was woken by ${by} of an actor goes on, though that actor computes on until it is killed`, async () => {
    const told = new Channel<Pid>();
    const word = words();
    const woken = go(wokenByRunaway, by, told, word);
    const pid = (await told.receive()).value!;
    while (Atomics.load(word, 0) === 0) await new Promise(setImmediate);
    exit(pid, "kill");
    assert.equal(await woken, "woken");
  });
}

test("arguments that can't be cloned are an error at the call, whoever starts the task", async () => {
  const refused = { code: "NOT_CLONEABLE", message: /is a function/ };
  assert.throws(() => go(echo, { deep: [() => 1] }), refused);
  assert.throws(() => blocking(echo, () => 1), refused);
  const waiting = new WaitGroup();
  assert.throws(() => waiting.go(echo, () => 1), refused);
  await waiting.wait();
  const group = new TaskGroup();
  await assert.rejects(
    group.go(echo, () => 1),
    refused,
  );
  await group.wait();
  assert.equal(await go(echo, 1), 1, "nothing is left behind");
});

test("a failure nobody awaits is reported once, with the task's name, wherever the task ran", async () => {
  const path = new URL("../fixtures/tasks/exit-unheard.ts", import.meta.url).pathname;
  // The timeout is patience: it ends a program that hangs, with an error.
  const { stdout } = await run(process.execPath, [path], { timeout: 30_000 });
  assert.deepEqual(stdout.trim().split("\n"), [
    'TASK_FAILED the task "there" failed, and its handle was never awaited: on purpose',
    'TASK_FAILED the task "here" failed, and its handle was never awaited: on purpose',
  ]);
});
