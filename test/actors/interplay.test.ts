/** What registries, timers, reports and trees do when a thread is given up, or ends. */

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { test } from "node:test";
import {
  cancelTimer,
  dynamicSupervisor,
  observe,
  partitionedSupervisor,
  readTimer,
  registry,
  schedulerThreads,
  send,
  sendAfter,
  sendInterval,
  setCrashReporter,
  setSupervisorReporter,
  spawn,
  startChild,
  stop,
  supervisor,
  terminateChild,
  via,
  whereis,
  whichChildren,
  type Pid,
  type Self,
  type SupervisorPid,
  type SupervisorReport,
} from "../../src/actors/index.ts";
import { go } from "../../src/tasks/index.ts";
import { HeddleError } from "../../src/errors/errors.ts";
import { runtime } from "../../src/runtime/runtime.ts";
import { puppet } from "../fixtures/actors/puppet.ts";
import { stuck, type Words } from "../fixtures/actors/stuck.ts";
import { isAlive, newPuppet } from "./support.ts";

process.on("warning", () => {});
setCrashReporter(() => {});
const reports: SupervisorReport[] = [];
setSupervisorReporter((report) => reports.push(report));

const keyed = registry<number>("interplay");

async function standsStill(pid: Pid, words: Words): Promise<void> {
  send(pid, "go");
  while (Atomics.load(words, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("whoever asks for the key, or the name, of an actor on a thread that is given up gets it when the thread has ended", async () => {
  const [thread] = await schedulerThreads();
  const words: Words = new Int32Array(new SharedArrayBuffer(8));
  const child = {
    id: "stuck",
    start: [stuck, ["in code of nobody", words], { on: thread!, name: via(keyed, "key", 1) }],
    shutdown: 20,
  } as const;
  const tree = await spawn(supervisor({ children: [child] }), [], { name: "interplay: tree" });
  const named = await spawn(puppet, [], { on: thread!, name: "interplay: named" });
  const old = keyed.whereis("key")!;
  const timer = sendInterval(60_000, old, "tick");
  const once = sendAfter(60_000, named, "x");
  await standsStill(old, words);
  const silent = (await observe({ timeoutMs: 1 })).threads.find((each) => each.thread === thread);
  assert.equal(silent?.responds, false);

  const stopped = terminateChild(tree, "stuck");
  const heir = await newPuppet();
  const claimed = keyed.register("key", heir, 2);
  const renamed = spawn(puppet, [], { name: "interplay: named" });
  // The entries are there as long as nobody knows that the actors have ended.
  assert.deepEqual(keyed.lookup("key"), [{ key: "key", pid: old, value: 1 }]);
  assert.equal(whereis("interplay: named"), named);
  await stopped;
  await claimed;
  assert.deepEqual(keyed.lookup("key"), [{ key: "key", pid: heir, value: 2 }]);
  assert.equal(whereis("interplay: named"), await renamed);
  assert.deepEqual([readTimer(timer), cancelTimer(once)], [false, false]);

  const [report, ...others] = reports.splice(0);
  assert.deepEqual(others, []);
  assert.deepEqual([report!.type, report!.child, report!.path], ["stop_failed", old, ["interplay: tree", "stuck"]]);
  assert.equal((report!.reason as HeddleError).code, "THREAD_QUARANTINED");
  await stop(tree);
});

test("a child with a key is restarted elsewhere under its key when its thread ends", async () => {
  const start = [puppet, [], { on: "any", name: via(keyed, "moves", 5) }] as const;
  const tree = await spawn(supervisor({ children: [{ id: "moves", start }] }), [], { name: "interplay: moves" });
  const before = keyed.whereis("moves")!;
  runtime().terminate(before.thread, new HeddleError("THREAD_DIED", "ended by the test"));
  while (keyed.whereis("moves") === before || keyed.whereis("moves") === undefined) await new Promise(setImmediate);
  while (reports.length < 2) await new Promise(setImmediate);
  assert.deepEqual(
    reports.splice(0).map(({ type, path }) => [type, ...path]),
    [
      ["child_ended", "interplay: moves", "moves"],
      ["child_restarted", "interplay: moves", "moves"],
    ],
  );
  assert.equal(keyed.lookup("moves")[0]!.value, 5);
  await stop(tree);
  assert.equal(keyed.whereis("moves"), undefined);
});

test("a partition's server keeps its place in the tree when its thread ends", async () => {
  const tree = (await spawn(partitionedSupervisor({ intensity: 10, child: { start: [puppet] } }), [], {
    name: "interplay: partitions",
  })) as SupervisorPid;
  const pids = async (): Promise<Pid[]> => (await whichChildren(tree)).map(({ pid }) => pid as Pid);
  const paths = async (): Promise<unknown> => {
    const { trees } = await observe();
    return trees
      .find(({ name }) => name === "interplay: partitions")!
      .children.map(({ path, pid }) => [path, pid])
      .toSorted((a, b) => String(a).localeCompare(String(b)));
  };
  const [first] = await pids();
  runtime().terminate(first!.thread, new HeddleError("THREAD_DIED", "ended by the test"));
  while (!reports.some(({ type }) => type === "child_restarted")) await new Promise(setImmediate);
  const texts = (await pids()).map((pid, index) => [`interplay: partitions/${index}`, pid.toString()]);
  assert.deepEqual(await paths(), texts);
  assert.deepEqual(
    reports.splice(0).map(({ type, path }) => [type, ...path]),
    [
      ["child_ended", "interplay: partitions", 0],
      ["child_restarted", "interplay: partitions", 0],
    ],
  );
  await stop(tree);
});

test("children of a dynamic supervisor that do not stop as they are told are reported, singly and at its end", async () => {
  const stubborn = async (self: Self): Promise<never> => {
    self.trapExit = true;
    await self.receive();
    throw new Error("while it stops");
  };
  const child = { start: [stubborn], restart: "transient" } as const;
  const tree = await spawn(dynamicSupervisor({ child }), [], { name: "interplay: dynamic" });
  const [one, two] = [await startChild(tree, []), await startChild(tree, [])];
  await terminateChild(tree, one!);
  await stop(tree);
  assert.equal(await isAlive(two!), false);
  assert.deepEqual(
    reports.splice(0).map(({ type, path, reason }) => [type, ...path, (reason as Error).message]),
    [
      ["stop_failed", "interplay: dynamic", one!.toString(), "while it stops"],
      ["stop_failed", "interplay: dynamic", two!.toString(), "while it stops"],
    ],
  );
});

test("neither an actor nor a task begins in the async context of the actor that had the turn before it", async () => {
  const storage = new AsyncLocalStorage<string>();
  const entered = Promise.withResolvers<void>();
  const careless = await spawn(async (self: Self<string>) => {
    storage.enterWith("of another");
    entered.resolve();
    while ((await self.receive()) !== "end");
  });
  await entered.promise;
  const seen: (string | undefined)[] = [];
  const look = async (): Promise<void> => void seen.push(storage.getStore());
  // Its turn comes first, and it passes it on when it waits again.
  send(careless, "once");
  await spawn(look);
  send(careless, "once");
  await go(look);
  send(careless, "end");
  assert.deepEqual(seen, [undefined, undefined]);
});
