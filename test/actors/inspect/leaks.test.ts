/** The leak profile of actors. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  exit,
  findLeakedActors,
  groups,
  observe,
  type Pid,
  type Self,
  send,
  spawn,
  supervisor,
} from "../../../src/actors/index.ts";
import { collectLeaks } from "../../../src/runtime/watch/leak-collection.ts";
import { watchersHere } from "../../../src/runtime/watch/watchers.ts";
import { Channel, go, sleep } from "../../../src/tasks/index.ts";

/** Each waits for a message. Not in the test itself: its stack would hold the pids. */
async function waits(self: Self): Promise<void> {
  for (;;) await self.receive();
}

async function hangs(): Promise<void> {
  await new Promise(() => {});
}

async function parked(count: number): Promise<void> {
  for (;;) {
    const { threads } = await observe();
    const { actors, runnable } = threads[0]!;
    if (actors >= count && runnable === 0) return;
    await sleep(1);
  }
}

async function spawnLost(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await spawn(waits);
  await spawn(hangs);
}

describe("findLeakedActors", () => {
  test("finds actors that wait and that nobody can reach, once, with where they were spawned", async () => {
    await spawnLost(3);
    await parked(4);
    const found = await findLeakedActors();
    assert.deepEqual(found.map(({ receives }) => String(receives)).sort(), ["false", "true", "true", "true"]);
    for (const { startedAt, kind } of found) {
      assert.match(startedAt!, /^spawnLost \(.*leaks\.test\.ts:\d+:\d+\)$/);
      assert.equal(kind, "actor");
    }
    assert.deepEqual(await findLeakedActors(), []);
    assert.equal((await observe()).threads[0]!.actors, 0);
  });

  test("finds none that is known: by a pid, a name, a group, a link, a monitor, a timer or a supervisor", async () => {
    const kept = await spawn(waits);
    await spawn(waits, [], { name: "leaks: named" });
    await joinGroup();
    await spawn(waits, [], { link: kept });
    await spawn(waits, [], { monitor: kept });
    const timed = await spawnWithTimeout();
    const timer = await spawnWithTimer();
    const root = await spawn(supervisor({ children: [{ id: "child", start: () => spawn(waits) }] }), [], {
      name: "leaks: root",
    });
    await parked(9);
    const before = (await observe()).threads[0]!.actors;
    assert.deepEqual(await findLeakedActors(), []);
    assert.equal((await observe()).threads[0]!.actors, before);
    clearTimeout(timer);
    for (const pid of [kept, root, timed.deref()!]) exit(pid, "kill");
  });

  test("leaves those that are alive as they were: messages arrive, in order", async () => {
    const got: number[] = [];
    const pid = await spawn(async (self: Self<number>) => {
      for (;;) got.push(await self.receive());
    });
    for (let i = 0; i < 5; i++) {
      send(pid, i);
      await findLeakedActors();
    }
    while (got.length < 5) await sleep(1);
    assert.deepEqual(got, [0, 1, 2, 3, 4]);
    exit(pid, "kill");
  });

  test("counts an actor as reachable that a leaked task holds; both together are found", async () => {
    await holdByLostTask();
    await parked(1);
    assert.deepEqual(await findLeakedActors(), []);
    const found = await collectLeaks(watchersHere());
    const kinds = found.map(({ kind, name }) => `${kind} ${name ?? ""}`);
    assert.ok(kinds.includes("task holds") && kinds.includes("actor waits"), String(kinds));
  });
});

async function joinGroup(): Promise<void> {
  await groups.join("leaks: group", await spawn(waits));
}

async function spawnWithTimeout(): Promise<WeakRef<Pid>> {
  return new WeakRef(await spawn(async (self: Self) => self.receive({ timeoutMs: 60_000 })));
}

async function spawnWithTimer(): Promise<NodeJS.Timeout> {
  const pid: Pid = await spawn(waits);
  return setTimeout(() => send(pid, "late"), 60_000);
}

async function holdByLostTask(): Promise<void> {
  const pid = await spawn(waits);
  const nobodys = new Channel<string>();
  go(async function holds() {
    send(pid, await nobodys.receive());
  });
}
