import assert from "node:assert/strict";
import { test } from "node:test";
import {
  dynamicSupervisor,
  exit,
  observe,
  partitionedSupervisor,
  schedulerThreads,
  setSupervisorReporter,
  send,
  spawn,
  startChild,
  stop,
  supervisor,
  type ObservedNode,
  type Self,
  type SupervisorPid,
  whereis,
} from "../../../src/actors/index.ts";
import { Mailbox } from "../../../src/actors/messaging/mailbox.ts";
import { go } from "../../../src/tasks/index.ts";
import { block } from "../../fixtures/tasks/movable.ts";
import { puppet } from "../../fixtures/actors/puppet.ts";
import { newWords, runaway } from "../../fixtures/actors/runaway.ts";

const ids = ({ path, children }: ObservedNode): unknown => ({ [String(path)]: children.map(ids) });

test("observe() gives the trees of supervisors over all threads, as data", async () => {
  const [thread] = await schedulerThreads();
  const rooms = dynamicSupervisor({ child: { start: [puppet] } });
  const tree = supervisor({
    children: [
      { id: "rooms", type: "supervisor", start: [rooms, [], { name: "observe: rooms" }] },
      { id: "far", start: [puppet, [], { on: thread! }] },
    ],
  });
  const pid = await spawn(tree, [], { name: "observe: app" });
  const room = await startChild("observe: rooms", []);
  const seen = await observe();
  const root = seen.trees.find(({ name }) => name === "observe: app")!;
  assert.deepEqual(
    Object.fromEntries(root.children.map(({ path, kind }) => [path, kind])),
    { "observe: app/far": "actor", "observe: app/rooms": "supervisor" },
    JSON.stringify(ids(root)),
  );
  const observedRooms = root.children.find(({ kind }) => kind === "supervisor")!;
  assert.deepEqual(
    observedRooms.children.map((child) => child.pid),
    [room!.toString()],
  );
  assert.equal(JSON.parse(JSON.stringify(seen)).trees.length, seen.trees.length);
  assert.ok(seen.threads.some((each) => each.thread === thread && each.responds));
  await stop(pid);
  assert.equal(
    (await observe()).trees.some(({ name }) => name === "observe: app"),
    false,
  );
});

test("observe() describes no more actors than its limit, and tells how many more there are", async () => {
  const pid = (await spawn(dynamicSupervisor({ child: { start: [puppet] } }), [], {
    name: "observe: many",
  })) as SupervisorPid;
  for (let i = 0; i < 10; i++) await startChild(pid, []);
  const { trees } = await observe({ limit: 4 });
  const many = trees.find(({ name }) => name === "observe: many")!;
  assert.deepEqual([many.children.length, many.moreChildren], [4, 6]);
  await stop(pid);
});

test("partitions have their numbers in their paths, on whatever thread", async () => {
  const pid = await spawn(partitionedSupervisor({ child: { start: [puppet] } }), [], { name: "observe: parts" });
  const { trees } = await observe();
  const { children } = trees.find(({ name }) => name === "observe: parts")!;
  const threads = await schedulerThreads();
  assert.deepEqual(new Set(children.map(({ path }) => path)), new Set(threads.map((_, i) => `observe: parts/${i}`)));
  await stop(pid);
});

test("the actors with the longest mailboxes come first, with the age of their oldest message", async () => {
  const deaf = await Promise.all(
    [3, 9].map(async (length) => {
      const pid = await spawn(async (self: Self) => self.receive((message) => message === "end"));
      for (let i = 0; i < length; i++) send(pid, i);
      return pid;
    }),
  );
  const { longestMailboxes, threads } = await observe();
  assert.deepEqual(
    longestMailboxes.slice(0, 2).map(({ pid, mailboxLength }) => [pid, mailboxLength]),
    [
      [deaf[1]!.toString(), 9],
      [deaf[0]!.toString(), 3],
    ],
  );
  assert.ok(longestMailboxes[0]!.oldestMessageMs! >= 0);
  assert.equal(threads[0]!.messages, 12);
  assert.ok(threads[0]!.oldestMessageMs! >= 0);
  for (const pid of deaf) exit(pid, "kill");
});

test("a thread that does not answer in time is told apart from the others", async () => {
  const [thread] = await schedulerThreads();
  const words = newWords();
  const pid = await spawn(runaway, ["after a message", words], { on: thread! });
  send(pid, "go");
  let seen = await observe({ timeoutMs: 50 });
  while (seen.threads.find((each) => each.thread === thread)?.responds === true)
    seen = await observe({ timeoutMs: 50 });
  assert.equal(seen.threads.find((each) => each.thread === thread)!.responds, false);
  assert.equal(seen.threads[0]!.responds, true);
  Atomics.store(words, 1, 1);
  await observe({ timeoutMs: Infinity });
});

test("bad options of observe() are refused", async () => {
  await assert.rejects(observe({ limit: -1 }), { code: "ACTOR_INVALID" });
  await assert.rejects(observe({ timeoutMs: NaN }), { code: "ACTOR_INVALID" });
});

test("the age of a mailbox's oldest message is that of a message that came before it, at most 64 before", (t) => {
  let nowMs = 1000;
  t.mock.method(performance, "now", () => nowMs);
  const mailbox = new Mailbox();
  assert.equal(mailbox.oldestAgeMs(), undefined);
  for (let i = 0; i < 1000; i++) {
    mailbox.push(i);
    nowMs += 1;
  }
  assert.equal(mailbox.oldestAgeMs(), 1000);
  for (let taken = 1; taken < 1000; taken++) {
    mailbox.shift();
    const age = mailbox.oldestAgeMs()!;
    assert.ok(age >= 1000 - taken && age < 1000 - taken + 64, `${taken} taken: ${age}`);
  }
  mailbox.shift();
  assert.equal(mailbox.oldestAgeMs(), undefined);
  mailbox.push("new");
  assert.equal(mailbox.oldestAgeMs(), 0);
});

test("a supervisor's restarts are counted: of each supervisor, and of all on a thread", async () => {
  const before = (await observe()).threads[0]!.restarts;
  const children = ["a", "b"].map((id) => ({ id, start: [puppet, [], { name: `observe: ${id}` }] as const }));
  const pid = await spawn(supervisor({ strategy: "one_for_all", children, intensity: 10 }), [], {
    name: "observe: restarts",
  });
  const restarts = async (): Promise<number> =>
    (await observe()).trees.find(({ name }) => name === "observe: restarts")!.restarts;
  assert.equal(await restarts(), 0);
  setSupervisorReporter(() => {});
  exit(whereis("observe: a")!, "kill");
  while ((await restarts()) < 2) await new Promise((resolve) => setImmediate(resolve));
  // Both: one_for_all.
  assert.equal(await restarts(), 2);
  setSupervisorReporter(undefined);
  await stop(pid);
  assert.equal((await observe()).threads[0]!.restarts, before + 2);
});

test("observe() waits for an answer also with a time limit beyond that of Node's timers", async () => {
  const word = new Int32Array(new SharedArrayBuffer(8));
  const busy = go(block, word);
  while (Atomics.load(word, 1) === 0) await Atomics.waitAsync(word, 1, 0).value;
  const observed = observe({ timeoutMs: 2 ** 31 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  Atomics.store(word, 0, 1);
  Atomics.notify(word, 0);
  await busy;
  assert.ok((await observed).threads.every(({ responds }) => responds));
});
