/** A child that cannot be ended: its thread is given up, and its supervisor goes on. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  call,
  countChildren,
  dynamicSupervisor,
  exit,
  processInfo,
  schedulerThreads,
  send,
  spawn,
  startChild,
  stop,
  supervisor,
  terminateChild,
  whichChildren,
  type Pid,
  type Self,
  type SupervisorPid,
} from "../../../src/actors/index.ts";
import type { ActorProcess } from "../../../src/actors/process/actor-process.ts";
import { stopAll, stopChild } from "../../../src/actors/supervisor/children.ts";
import { HeddleError } from "../../../src/errors/errors.ts";
import { runtime } from "../../../src/runtime/runtime.ts";
import { plainChild } from "../../fixtures/actors/plain-child.ts";
import { killer, stuck, type Way, type Words } from "../../fixtures/actors/stuck.ts";
import { newObserver, newPuppet, next, tell } from "../support.ts";

const warnings: (Error & { code?: string })[] = [];
process.on("warning", (warning) => warnings.push(warning));

/** The threads that are there before: a thread that is given up is replaced. */
async function twoThreads(): Promise<[number, number]> {
  return (await schedulerThreads()) as [number, number];
}

async function standsStill(pid: Pid, words: Words): Promise<void> {
  send(pid, "go");
  while (Atomics.load(words, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function pidOf(tree: SupervisorPid, id: string): Promise<Pid> {
  return (await whichChildren(tree)).find((child) => child.id === id)!.pid as Pid;
}

function newWords(): Words {
  return new Int32Array(new SharedArrayBuffer(8));
}

function isQuarantine(reason: any): void {
  assert.ok(reason instanceof HeddleError);
  assert.equal(reason.code, "THREAD_QUARANTINED");
}

for (const way of ["in a native call", "in code of nobody"] as const satisfies readonly Way[]) {
  test(`a supervisor goes on when a child cannot be ended (${way}): the thread ends instead, and says why`, async () => {
    const [thread, other] = await twoThreads();
    const words = newWords();
    const tree = await spawn(
      supervisor({
        intensity: 10,
        children: [
          { id: "stuck", start: [stuck, [way, words], { on: thread }], shutdown: 20 },
          { id: "here", start: [plainChild] },
          { id: "there", start: [plainChild, [], { on: other }] },
        ],
      }),
    );
    const child = await pidOf(tree, "stuck");
    const bystander = await newPuppet(thread);
    const [watcher, linked] = [await newPuppet(other), await newObserver()];
    await tell(watcher, { do: "monitor", pid: bystander });
    await tell(linked, { do: "link", pid: bystander });
    const failed = call(bystander as never, { do: "hold" } as never, Infinity).catch((error) => error.reason);
    await next(bystander);
    await standsStill(child, words);

    await terminateChild(tree, "stuck");
    assert.deepEqual(await countChildren(tree), { specs: 3, active: 2, supervisors: 0, workers: 3 });
    const [down, exited] = [await next(watcher), await next(linked)];
    isQuarantine(down.reason);
    isQuarantine(exited.reason);
    assert.match(down.reason.message, new RegExp(`actor ${child.toString()} was sent "kill" \\d+ ms ago`));
    isQuarantine(await failed);
    // On a busy machine, another thread may be reported too.
    const warned = warnings.splice(0).filter(({ message }) => message.includes(`scheduler thread ${thread}`));
    assert.deepEqual(
      warned.map(({ code }) => code),
      ["THREAD_BLOCKS", "THREAD_QUARANTINED"],
    );

    for (const id of ["here", "there"]) {
      const before = await pidOf(tree, id);
      exit(before, "kill");
      while ((await pidOf(tree, id)) === before);
    }
    assert.equal((await schedulerThreads()).includes(thread), false, "new work goes elsewhere");
    assert.equal(await processInfo(child), undefined);
    await stop(tree);
  });
}

test("nothing is placed on a thread that is given up, as its neighbours see it, too", async () => {
  const { board } = runtime();
  const [thread, other] = await twoThreads();
  board.close(thread);
  assert.equal(runtime().candidates("scheduler").includes(thread), false);
  assert.equal(runtime().candidates("scheduler").includes(other), true);
  runtime().terminate(thread, new HeddleError("THREAD_DIED", "ended by the test"));
  assert.equal((await schedulerThreads()).length, 2);
});

test("a supervisor on another thread goes on as well, and so does one that stops all of its children", async () => {
  const [thread, other] = await twoThreads();
  const words = newWords();
  const tree = await spawn(
    dynamicSupervisor({ child: { start: [stuck, ["in code of nobody", words], { on: thread }], shutdown: 20 } }),
  );
  const [child, second] = [await startChild(tree, []), await startChild(tree, [])];
  const killer = await newPuppet(other);
  const watcher = await newPuppet(other);
  await tell(watcher, { do: "monitor", pid: child! });
  await standsStill(second!, words);
  const stopped = stop(tree, "shutdown");
  await tell(killer, { do: "signal", pid: child!, reason: "kill" });
  isQuarantine((await next(watcher)).reason);
  await stopped;
});

test("a kill that was obeyed before the thread stands still does not count against it", async () => {
  const [thread, other] = await twoThreads();
  const [first, second] = [await newPuppet(thread), await newPuppet(thread)];
  const killer = await newPuppet(other);
  const words = newWords();
  const pid = await spawn(stuck, ["for a while", words], { on: thread });
  exit(first, "kill");
  await tell(killer, { do: "signal", pid: second, reason: "kill" });
  await standsStill(pid, words);
  // It stands still for longer than a kill has time.
  assert.equal(await tell(await newPuppet(thread), { do: "ping" }), "pong");
  assert.equal((await schedulerThreads()).includes(thread), true);
  exit(pid, "kill");
});

test("the same if the killer's thread stands still, and cannot pass on that the kill was obeyed", async () => {
  const [thread, other] = await twoThreads();
  const victim = await newPuppet(thread);
  const [words, killersWords] = [newWords(), newWords()];
  const pid = await spawn(stuck, ["for a while", words], { on: thread });
  const kills = await spawn(killer, [victim, pid, killersWords], { on: other });
  await standsStill(kills, killersWords);
  assert.equal(await tell(await newPuppet(thread), { do: "ping" }), "pong");
  assert.equal((await schedulerThreads()).includes(thread), true);
  // A kill would have the killer's thread ended while it stands still, in the middle of the next test.
  assert.equal(await tell(await newPuppet(other), { do: "ping" }), "pong");
  for (const one of [pid, kills]) exit(one, "kill");
});

test("who has exited long ago and is killed now does not count, whoever computes there for longer than a kill has time", async () => {
  const [thread, other] = await twoThreads();
  const words = newWords();
  const gone = await Promise.all([newPuppet(thread), newPuppet(thread)]);
  const killer = await newPuppet(other);
  for (const pid of gone) {
    exit(pid, "enough");
    while ((await processInfo(pid)) !== undefined);
  }
  const pid = await spawn(stuck, ["for a while", words], { on: thread });
  await standsStill(pid, words);
  exit(gone[0], "kill");
  await tell(killer, { do: "signal", pid: gone[1], reason: "kill" });
  assert.equal(await tell(await newPuppet(thread), { do: "ping" }), "pong");
  assert.equal((await schedulerThreads()).includes(thread), true);
  exit(pid, "kill");
});

for (const shutdown of [20, "brutal_kill"] as const) {
  test(`a supervisor goes on before the thread has ended, if that takes long (${shutdown}); the children die with it`, async () => {
    const [thread] = await twoThreads();
    const words = newWords();
    const pids = await Promise.all(
      Array.from({ length: 3 }, () => spawn(stuck, ["for a while", words], { on: thread })),
    );
    await standsStill(pids[0]!, words);
    warnings.length = 0;
    const reasons = Promise.withResolvers<unknown>();
    await spawn(async (self: Self) => {
      self.trapExit = true;
      for (const pid of pids) self.link(pid);
      const supervising = self as ActorProcess;
      const reason = await stopChild(supervising, pids[0]!, shutdown, 20);
      const stopped = await stopAll(supervising, pids.slice(1), shutdown, 20);
      assert.deepEqual(
        stopped.map(([pid]) => pid),
        pids.slice(1),
      );
      reasons.resolve([
        reason,
        ...stopped.map(([, why]) => why),
        supervising.extra?.links?.size,
        supervising.extra?.monitors?.size,
      ]);
      while ((await self.receive({ timeoutMs: 0 })) !== undefined);
    });
    assert.deepEqual(await reasons.promise, ["killed", "killed", "killed", 2, 0]);
    for (const pid of pids) while ((await processInfo(pid)) !== undefined);
    assert.equal(warnings.filter(({ code }) => code === "CHILD_ABANDONED").length, 3);
    warnings.length = 0;
  });
}
