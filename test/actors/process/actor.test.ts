/** Defining and spawning actors: errors are reported where the mistake is. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  actor,
  Actor,
  call,
  exit,
  schedulerThreads,
  send,
  spawn,
  thisThreadId,
  whereis,
  type Pid,
  type Self,
} from "../../../src/actors/index.ts";
import { counter } from "../../fixtures/actors/servers.ts";
import { misplaced } from "../../fixtures/actors/misplaced.ts";
import { isAlive, newPuppet, next, onBothSides, reasonOf, settled, tell } from "../support.ts";

test("an actor is defined with its module's URL, a name of its own, and a function", () => {
  const body = async (): Promise<void> => {};
  for (const wrong of [
    () => actor("actor.ts", "name", body),
    () => actor(import.meta.url, "", body),
    () => actor(import.meta.url, "name", 5 as never),
  ]) {
    assert.throws(wrong, { code: "ACTOR_INVALID" });
  }
  actor(import.meta.url, "once", body);
  assert.throws(() => actor(import.meta.url, "once", body), { code: "ACTOR_DUPLICATE" });
});

test("an actor that its module does not define on the other thread is told, with what is near", async () => {
  const [thread] = await schedulerThreads();
  await assert.rejects(spawn(misplaced, [], { on: thread! }), { code: "ACTOR_NOT_FOUND", message: /"placed"/ });
  const broken = new Actor(new URL("../../fixtures/actors/missing.ts", import.meta.url).href, "any", async () => {});
  await assert.rejects(spawn(broken, [], { on: thread! }), { code: "ACTOR_MODULE_FAILED" });
});

test("a function stays on its thread; only what actor() made, on a thread that exists, is spawned elsewhere", async () => {
  const [thread] = await schedulerThreads();
  await assert.rejects(
    spawn(async () => {}, [], { on: thread! }),
    { code: "ACTOR_INVALID", message: /stays on its thread/ },
  );
  await assert.rejects(spawn({} as never), { code: "ACTOR_INVALID" });
  await assert.rejects(spawn(counter, [1], { on: 999 }), { code: "ACTOR_NO_THREAD" });
  assert.equal((await spawn(async () => {}, [], { on: thisThreadId })).thread, thisThreadId);
});

test("arguments that cannot be cloned are refused at the call, and nothing is spawned", async () => {
  for (const on of ["here", (await schedulerThreads())[0]!] as const) {
    await assert.rejects(spawn(counter, [(() => 1) as never], { on }), { code: "NOT_CLONEABLE" });
  }
});

onBothSides("an actor can be sent in a message, and spawned by who gets it", async (on) => {
  const pid = await newPuppet(on);
  send(pid, { what: counter });
  const { what } = await next(pid);
  assert.equal(what, counter);
});

test("actors spawned on any thread are spread over the scheduler threads", async () => {
  const pids = await Promise.all(Array.from({ length: 8 }, () => spawn(counter, [0], { on: "any" })));
  assert.equal(new Set(pids.map(({ thread }) => thread)).size, 2);
  assert.ok(pids.every(({ thread }) => thread !== thisThreadId));
  for (const pid of pids) exit(pid, "kill");
});

onBothSides("a link or monitor asked for at spawn is there before the first step", async (on) => {
  const observer = await newPuppet();
  await tell(observer, { do: "trap" });
  const pid = await newPuppet(on, { link: observer, monitor: observer });
  exit(pid, "early");
  const types = [await next(observer), await next(observer)].map(({ type, reason }) => `${type} ${reason}`);
  assert.deepEqual(new Set(types), new Set(["EXIT early", "DOWN early"]));
});

test("link: true is the actor that has the turn, and an error where nobody has it", async () => {
  const children: Pid[] = [];
  const reason = await reasonOf(async () => {
    children.push(await spawn(async (self: Self) => self.receive(), [], { link: true }));
    throw new Error("parent");
  });
  assert.equal((reason as Error).message, "parent");
  await settled();
  assert.equal(await isAlive(children[0]!), false);
  await assert.rejects(
    spawn(async () => {}, [], { link: true }),
    { code: "ACTOR_UNKNOWN" },
  );
});

test("what an actor returns is no reason, and one that is no async function is one too", async () => {
  assert.equal(await reasonOf(() => 5), "normal");
  assert.equal(await reasonOf(async () => new Error("returned")), "normal");
  assert.deepEqual(await reasonOf((self) => self.exit({ shutdown: "done" })), { shutdown: "done" });
});

test("a pid of another thread is one object, however it comes here", async () => {
  const there = await spawn(counter, [1], { on: "any", name: "known twice" });
  assert.equal(whereis("known twice"), there);
  assert.equal(await call(there, "get"), 1);
});

test("a loop of spawns starves neither the actors that it has spawned nor timers", async () => {
  const seen = { begun: 0, ticks: 0 };
  const timer = setInterval(() => seen.ticks++);
  const pids: Pid[] = [];
  // Enough for many rounds of a millisecond, on any machine.
  for (let i = 0; i < 200_000 && (seen.ticks < 2 || seen.begun === 0); i++) {
    pids.push(
      await spawn(async (self: Self) => {
        seen.begun++;
        await self.receive();
      }),
    );
  }
  clearInterval(timer);
  assert.ok(seen.ticks >= 2, "timers have run");
  assert.ok(seen.begun > 0, "actors have begun");
  for (const pid of pids) exit(pid, "kill");
});
