/** Actors that compute and never await: when killed, or over the budget, only they end. */

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import {
  exit,
  schedulerThreads,
  send,
  setRunawayBudget,
  spawn,
  supervisor,
  whereis,
  type Pid,
  type Self,
} from "../../../src/actors/index.ts";
import { runningUnit } from "../../../src/runtime/running-unit.ts";
import { runtime } from "../../../src/runtime/runtime.ts";
import {
  caller,
  neighbour,
  newWords,
  runaway,
  starter,
  unwinder,
  type Way,
  type Words,
} from "../../fixtures/actors/runaway.ts";
import { warningOf } from "../../support/warnings.ts";
import { isAlive, newObserver, newPuppet, next, settled, tell } from "../support.ts";

const NEIGHBOURS = 200;

async function aThread(): Promise<number> {
  return (await schedulerThreads())[0]!;
}

async function begun(words: Words): Promise<void> {
  while (Atomics.load(words, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Sends each of them a message and gathers the answers. */
async function countOf(neighbours: readonly Pid[]): Promise<number[]> {
  const gathered = Promise.withResolvers<number[]>();
  const gatherer = await spawn(async (self: Self<number>) => {
    const counts: number[] = [];
    while (counts.length < neighbours.length) counts.push(await self.receive());
    gathered.resolve(counts);
  });
  for (const pid of neighbours) send(pid, gatherer);
  return await gathered.promise;
}

async function spawnNeighbours(on: number): Promise<Pid[]> {
  const pids = await Promise.all(Array.from({ length: NEIGHBOURS }, () => spawn(neighbour, [], { on })));
  await countOf(pids);
  return pids;
}

async function run(way: Way, on: number): Promise<{ readonly pid: Pid; readonly words: Words }> {
  const words = newWords();
  const pid = await spawn(runaway, [way, words], { on });
  // What "after a message" and "in a match" wait for.
  send(pid, "go");
  await begun(words);
  return { pid, words };
}

describe("an actor that is killed while it computes", () => {
  const ways: readonly Way[] = [
    "at once",
    "after a message",
    "after a sleep",
    "after a channel",
    "in a match",
    "sending",
    "in a helper",
    "in a callback of its end",
    "after two calls at once",
    "beside a call",
    "after the start of a server",
    "after a timer",
    "after a promise of another actor",
    "in a finally",
  ];
  for (const way of ways) {
    test(`dies where it is (${way}), and its thread and neighbours go on`, async () => {
      const thread = await aThread();
      const neighbours = await spawnNeighbours(thread);
      const { pid, words } = await run(way, thread);
      const answers = countOf(neighbours);
      exit(pid, "kill");
      assert.deepEqual(
        await answers,
        Array.from({ length: NEIGHBOURS }, () => 2),
      );
      assert.equal(await isAlive(pid), false);
      assert.equal(Atomics.load(words, 2), 0, "nothing of it has run since");
      assert.equal(await aThread(), thread, "the thread is the same");
    });
  }

  test("dies in its first stretch, also when an actor of its thread has started it", async () => {
    const thread = await aThread();
    const words = newWords();
    const told = Promise.withResolvers<Pid>();
    const asker = await spawn(async (self: Self<Pid>) => told.resolve(await self.receive()));
    await spawn(starter, [asker, words], { on: thread });
    const pid = await told.promise;
    await begun(words);
    exit(pid, "kill");
    assert.equal(await isAlive(pid), false);
    assert.equal(await aThread(), thread, "the thread is the same");
  });

  test("its links and monitors see `killed`", async () => {
    const thread = await aThread();
    const [linked, watcher] = [await newObserver(), await newPuppet()];
    const { pid } = await run("after a message", thread);
    const linking = tell(linked, { do: "link", pid });
    const ref = await tell(watcher, { do: "monitor", pid });
    await linking;
    exit(pid, "kill");
    assert.deepEqual(await next(watcher), { type: "DOWN", ref, pid, reason: "killed" });
    assert.deepEqual(await next(linked), { type: "EXIT", from: pid, reason: "killed" });
  });

  test("can be killed from another thread than the first", async () => {
    const [thread, other] = await schedulerThreads();
    const killer = await newPuppet(other);
    const watcher = await newPuppet();
    const { pid } = await run("at once", thread!);
    await tell(watcher, { do: "monitor", pid });
    await tell(killer, { do: "signal", pid, reason: "kill" });
    assert.equal((await next(watcher)).reason, "killed");
  });

  test("nobody else is ended in its place: who computes goes on, and who was killed dies then", async () => {
    const thread = await aThread();
    const victim = await newPuppet(thread);
    const { pid, words } = await run("at once", thread);
    exit(victim, "kill");
    // Longer than it takes to end somebody.
    await new Promise((resolve) => setTimeout(resolve, 700));
    assert.equal(Atomics.load(words, 2), 0);
    Atomics.store(words, 1, 1);
    assert.equal(await isAlive(victim), false);
    assert.equal(await isAlive(pid), false);
    assert.equal(Atomics.load(words, 2), 3, "it ran to its end");
  });
});

test("who is called by an actor that computes can be killed, and the actor goes on", async () => {
  const thread = await aThread();
  const words = newWords();
  const watcher = await newPuppet();
  const pid = await spawn(caller, [words, watcher], { on: thread });
  const servers: readonly Pid[] = await next(watcher);
  await begun(words);
  for (const server of servers) exit(server, "kill");
  // Longer than it takes to end somebody.
  await new Promise((resolve) => setTimeout(resolve, 700));
  assert.equal(Atomics.load(words, 2), 0);
  Atomics.store(words, 1, 1);
  for (const server of servers) assert.equal(await isAlive(server), false);
  assert.equal(await isAlive(pid), true);
  assert.equal(Atomics.load(words, 2), 3, "it has gone on");
  exit(pid, "kill");
});

test("code that an actor has left behind is not what it cleans up with: once its function has returned, it is not ended", async () => {
  for (const how of ["returns", "throws", "exits"]) {
    const views: unknown[] = [];
    const later = Promise.withResolvers<void>();
    const goesOn = Promise.withResolvers<void>();
    await spawn(async (self: Self) => {
      self.trapExit = true;
      void goesOn.promise.then(() => {
        views.push(runningUnit()!.view!());
        later.resolve();
      });
      try {
        views.push(runningUnit()!.view!());
        if (how === "exits") exit(self.pid, "kill");
        if (how === "throws") self.exit("broken");
      } finally {
        if (how === "exits") views.push((runningUnit()!.view!() as { hasEnded?: boolean }).hasEnded);
      }
    });
    await settled();
    goesOn.resolve();
    await later.promise;
    assert.equal((views[0] as { what: string }).what, "actor");
    assert.deepEqual(views.slice(1), how === "exits" ? [true, undefined] : [undefined]);
  }
});

test("an actor that has exited and computes for ever in its finally is stopped, and its thread and neighbours go on", async () => {
  const thread = await aThread();
  const neighbours = await spawnNeighbours(thread);
  const words = newWords();
  const pid = await spawn(unwinder, [words], { on: thread });
  await countOf(neighbours);
  const warned = warningOf("ACTOR_RAN_AWAY");
  const watcher = await newPuppet();
  await tell(watcher, { do: "monitor", pid });
  exit(pid, "enough");
  assert.equal((await next(watcher)).reason, "enough");
  await begun(words);
  assert.deepEqual(
    await countOf(neighbours),
    Array.from({ length: NEIGHBOURS }, () => 3),
  );
  assert.equal(Atomics.load(words, 2), 0);
  assert.match((await warned).message, /^actor \d+ was stopped in the middle of its cleaning up after its exit/);
  assert.equal(await aThread(), thread, "the thread is the same");
});

describe("an actor that runs long", () => {
  after(() => setRunawayBudget(Infinity));

  test("is reported with its name and place", async () => {
    const warned = warningOf("ACTOR_BLOCKS");
    const { words } = await run("at once", await aThread());
    const warning = await warned;
    Atomics.store(words, 1, 1);
    assert.match(
      warning.message,
      /^the actor "runaway" has run for \d+ ms on scheduler thread \d+, in spin \(\/.*runaway\.ts:\d+:\d+\), without awaiting\.$/,
    );
  });

  test("is ended when it is over the budget, and its supervisor starts another", async () => {
    setRunawayBudget(300);
    const thread = await aThread();
    const words = newWords();
    const warned = warningOf("ACTOR_RAN_AWAY");
    const watcher = await newPuppet();
    await spawn(
      supervisor({
        children: [
          { id: "runaway", start: () => spawn(runaway, ["after a message", words], { on: thread, name: "runner" }) },
        ],
      }),
    );
    const first = whereis("runner")!;
    await tell(watcher, { do: "monitor", pid: first });
    send("runner", "go");
    assert.equal((await next(watcher)).reason, "killed");
    assert.match(
      (await warned).message,
      /^the actor "runner" was ended with the reason "killed": .* 300 ms .* in spin/,
    );
    assert.equal(runtime().has(thread), true);
    // Another one has begun, and waits.
    while (whereis("runner") === undefined) await new Promise(setImmediate);
    assert.notEqual(whereis("runner"), first);
  });

  test("a budget that is none is refused", () => {
    assert.throws(() => setRunawayBudget(5), { code: "ACTOR_INVALID", message: /at least 100 ms, and got 5/ });
    assert.throws(() => setRunawayBudget(Number.NaN), { code: "ACTOR_INVALID" });
  });
});
