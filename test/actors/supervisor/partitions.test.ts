/** Partitions stay on threads of their own when threads end. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  exit,
  partitionedSupervisor,
  schedulerThreads,
  spawn,
  stop,
  whichChildren,
  type Pid,
  type SupervisorPid,
} from "../../../src/actors/index.ts";
import { threadFor } from "../../../src/actors/supervisor/partition-threads.ts";
import { HeddleError } from "../../../src/errors/errors.ts";
import { runtime } from "../../../src/runtime/runtime.ts";
import { child } from "../../fixtures/actors/child.ts";
import { Journal } from "../journal.ts";

process.on("warning", () => {});

async function threadsOf(tree: SupervisorPid): Promise<number[]> {
  return (await whichChildren(tree)).map(({ pid }) => (pid as Pid).thread);
}

test("when a partition's thread ends, its server gets a thread of its own again", async () => {
  const journal = await Journal.open();
  const tree = await spawn(partitionedSupervisor({ intensity: 10, child: { start: [child, ["p", journal.pid, {}]] } }));
  await journal.expect("p starts", "p starts");
  for (const index of [0, 1, 0]) {
    const [ended, other] = index === 0 ? await threadsOf(tree) : (await threadsOf(tree)).toReversed();
    runtime().terminate(ended!, new HeddleError("THREAD_DIED", "ended by the test"));
    await journal.expect("p starts");
    const threads = await threadsOf(tree);
    assert.equal(threads[1 - index], other, "the other one stays where it is");
    assert.deepEqual(new Set(threads), new Set(await schedulerThreads()));
  }
  await stop(tree);
});

test("a partition that crashes starts again on its thread", async () => {
  const journal = await Journal.open();
  const tree = await spawn(partitionedSupervisor({ intensity: 10, child: { start: [child, ["p", journal.pid, {}]] } }));
  await journal.expect("p starts", "p starts");
  const threads = await threadsOf(tree);
  for (const { pid } of await whichChildren(tree)) {
    exit(pid as Pid, "kill");
    await journal.expect("p starts");
  }
  assert.deepEqual(await threadsOf(tree), threads);
  await stop(tree);
});

test("a partition keeps its thread, else takes one that is free, else the one that the fewest have", () => {
  const taken = new Map([
    [0, 1],
    [1, 2],
    [2, 3],
  ]);
  assert.equal(threadFor(1, [1, 2, 3], taken), 2);
  assert.equal(threadFor(0, [2, 3, 4], taken), 4);
  assert.equal(threadFor(1, [4, 1, 3], taken), 4);
  assert.equal(threadFor(0, [2, 3], taken), 2);
  assert.equal(threadFor(0, [2, 3], new Map([...taken, [3, 2]])), 3);
  assert.equal(threadFor(0, [7], taken), 7);
});
