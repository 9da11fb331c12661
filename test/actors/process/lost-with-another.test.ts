/** Actors and tasks that are resumed by the same promise as an actor that is ended while it computes. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  exit,
  schedulerThreads,
  send,
  spawn,
  supervisor,
  whereis,
  type Pid,
  type SpawnOptions,
} from "../../../src/actors/index.ts";
import { newWords } from "../../fixtures/actors/runaway.ts";
import { sharer, settler, starter, type Role } from "../../fixtures/actors/sharing.ts";
import { isAlive, newPuppet, tell, watched } from "../support.ts";

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("they do not wait for ever: they end with a reason that says why, and only they do", async () => {
  const thread = (await schedulerThreads())[0]!;
  const words = newWords();
  const run = (role: Role, options: SpawnOptions = {}): Promise<Pid> =>
    spawn(sharer, [role, words], { ...options, on: thread });
  const bystanders = [await run("waits for ever"), await run("waits for a timer"), await newPuppet(thread)];
  const [watching, reasons] = [[] as string[], [] as Promise<unknown>[]];
  // It is resumed before, and has not gone on far enough.
  watching.push("before");
  reasons.push((await watched(await run("waits"))).reason);
  const pid = await run("computes");
  for (const role of ["waits", "waits in a helper", "waits for two"] as const) {
    watching.push(role);
    reasons.push((await watched(await run(role))).reason);
  }
  await spawn(supervisor({ children: [{ id: "waits", start: () => run("waits", { name: "child" }) }] }));
  const child = whereis("child")!;
  const task = await watched(await spawn(starter, [words], { on: thread }));
  await until(() => Atomics.load(words, 2) === 1);

  send(await spawn(settler, [], { on: thread }), "go");
  await until(() => Atomics.load(words, 0) === 1);
  exit(pid, "kill");

  for (const [index, reason] of (await Promise.all(reasons)).entries()) {
    assert.equal((reason as { code?: string }).code, "ACTOR_LOST", watching[index]!);
    assert.match((reason as Error).message, /^<\d+\.\d+> could not go on: it was resumed together with an actor/);
  }
  assert.equal(await task.reason, "TASK_LOST");
  await until(() => whereis("child") !== undefined && whereis("child") !== child);
  for (const each of bystanders) assert.equal(await isAlive(each), true);
  // The one that waits for a timer goes on.
  await until(() => Atomics.load(words, 2) === 2);
  assert.equal(await tell(bystanders[2]!, { do: "ping" }), "pong");
  assert.equal((await schedulerThreads())[0], thread, "the thread is the same");
});

test("the same if the ended actor has settled the promise itself, in its own turn", async () => {
  const thread = (await schedulerThreads())[0]!;
  const words = newWords();
  const pid = await spawn(sharer, ["settles and computes", words], { on: thread });
  const waits = await watched(await spawn(sharer, ["waits", words], { on: thread }));
  send(pid, "go");
  await until(() => Atomics.load(words, 0) === 1);
  exit(pid, "kill");
  assert.equal(((await waits.reason) as { code?: string }).code, "ACTOR_LOST");
  assert.equal(Atomics.load(words, 2), 0);
});
