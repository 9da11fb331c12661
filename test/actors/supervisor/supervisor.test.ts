/** OTP's rules of supervisors; each test names its rule. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  countChildren,
  deleteChild,
  dynamicSupervisor,
  exit,
  partition,
  partitionedSupervisor,
  restartChild,
  schedulerThreads,
  send,
  spawn,
  startChild,
  stop,
  supervisor,
  supervisorTree,
  terminateChild,
  whichChildren,
  type ChildSpec,
  type Pid,
} from "../../../src/actors/index.ts";
import { child } from "../../fixtures/actors/child.ts";
import { watchEnd, Journal, pidOf, specFor, startTree } from "../journal.ts";
import { isAlive, newPuppet, onBothSides, tell } from "../support.ts";

onBothSides("children are started in order and stopped in reverse order, one after the other", async (on) => {
  const journal = await Journal.open();
  const spec = specFor(journal, on);
  const { tree } = await startTree({ children: [spec("a"), spec("b"), spec("c")] });
  await journal.expect("a starts", "b starts", "c starts");
  await stop(tree, "shutdown");
  await journal.expect("c stops shutdown", "b stops shutdown", "a stops shutdown");
});

onBothSides(
  "if a child fails to start at init, those started are stopped, and the reason is {shutdown, reason}",
  async (on) => {
    const journal = await Journal.open();
    const spec = specFor(journal, on);
    const failing = supervisor({ children: [spec("a"), spec("b", { how: { failStarts: 99 } })] });
    await assert.rejects(spawn(failing), (error: any) => {
      assert.equal(error.code, "ACTOR_START_FAILED");
      assert.equal(error.reason.shutdown.failed_to_start_child, "b");
      return true;
    });
    await journal.expect("a starts", "b fails", "a stops shutdown");
  },
);

test("a start function that asks its own supervisor is refused, and not what it has begun", async () => {
  const later = Promise.withResolvers<number>();
  const reasons: unknown[] = [];
  const tree = supervisor({
    children: [
      {
        id: "asks",
        start: async () => {
          // Whatever it has awaited.
          await new Promise((resolve) => setImmediate(resolve));
          reasons.push(await whichChildren("asks itself").catch((error: { reason: unknown }) => error.reason));
          setImmediate(() => void whichChildren("asks itself").then(({ length }) => later.resolve(length)));
          return await newPuppet();
        },
      },
    ],
  });
  const pid = await spawn(tree, [], { name: "asks itself" });
  assert.deepEqual([reasons, await later.promise], [["calling_self"], 1]);
  await stop(pid);
});

onBothSides("a start that answers ignore keeps the spec with no pid, and of a temporary child drops it", async (on) => {
  const spec = specFor(await Journal.open(), on);
  const how = { ignore: true };
  const { tree } = await startTree({
    children: [spec("kept", { how }), spec("dropped", { how, restart: "temporary" })],
  });
  assert.deepEqual(await whichChildren(tree), [{ id: "kept", pid: undefined, type: "worker" }]);
});

onBothSides(
  "permanent always restarts; transient unless the exit is clean; temporary never, and its spec is deleted",
  async (on) => {
    for (const [restart, reason, restarted] of [
      ["permanent", "normal", true],
      ["permanent", "boom", true],
      ["transient", "normal", false],
      ["transient", "shutdown", false],
      ["transient", { shutdown: "done" }, false],
      ["transient", "boom", true],
      ["temporary", "normal", false],
      ["temporary", "boom", false],
    ] as const) {
      const journal = await Journal.open();
      const { tree } = await startTree({ children: [specFor(journal, on)("a", { restart })] });
      await journal.expect("a starts");
      send(await pidOf(tree, "a"), { exit: reason });
      await journal.expect(`a exits ${JSON.stringify(reason)}`);
      if (restarted) await journal.expect("a starts");
      else while ((await whichChildren(tree))[0]?.pid !== undefined);
      assert.equal((await countChildren(tree)).specs, restart === "temporary" ? 0 : 1);
      await stop(tree);
    }
  },
);

onBothSides("one_for_one restarts only the child that exited", async (on) => {
  const journal = await Journal.open();
  const spec = specFor(journal, on);
  const { tree } = await startTree({ children: [spec("a"), spec("b"), spec("c")] });
  await journal.expect("a starts", "b starts", "c starts");
  exit(await pidOf(tree, "b"), "kill");
  await journal.expect("b starts");
  await journal.isQuiet();
});

onBothSides("one_for_all stops all others in reverse order and restarts all in order", async (on) => {
  const journal = await Journal.open();
  const spec = specFor(journal, on);
  const { tree } = await startTree({ strategy: "one_for_all", children: [spec("a"), spec("b"), spec("c")] });
  await journal.expect("a starts", "b starts", "c starts");
  exit(await pidOf(tree, "b"), "kill");
  await journal.expect("c stops shutdown", "a stops shutdown", "a starts", "b starts", "c starts");
});

onBothSides("rest_for_one stops and restarts those started after the child, and it", async (on) => {
  const journal = await Journal.open();
  const spec = specFor(journal, on);
  const { tree } = await startTree({
    strategy: "rest_for_one",
    children: [spec("a"), spec("b"), spec("c"), spec("d")],
  });
  await journal.expect("a starts", "b starts", "c starts", "d starts");
  exit(await pidOf(tree, "b"), "kill");
  await journal.expect("d stops shutdown", "c stops shutdown", "b starts", "c starts", "d starts");
});

onBothSides("a temporary sibling that is stopped by a restart of others is not started again", async (on) => {
  const journal = await Journal.open();
  const spec = specFor(journal, on);
  const { tree } = await startTree({
    strategy: "one_for_all",
    children: [spec("a"), spec("b", { restart: "temporary" })],
  });
  await journal.expect("a starts", "b starts");
  exit(await pidOf(tree, "a"), "kill");
  await journal.expect("b stops shutdown", "a starts");
  assert.deepEqual(
    (await whichChildren(tree)).map(({ id }) => id),
    ["a"],
  );
});

onBothSides("more than intensity restarts within the period stop all children and end with shutdown", async (on) => {
  const journal = await Journal.open();
  const spec = specFor(journal, on);
  const { tree, end } = await startTree({ intensity: 2, periodMs: 60_000, children: [spec("a"), spec("b")] });
  await journal.expect("a starts", "b starts");
  for (let i = 0; i < 2; i++) {
    exit(await pidOf(tree, "a"), "kill");
    await journal.expect("a starts");
  }
  exit(await pidOf(tree, "a"), "kill");
  await journal.expect("b stops shutdown");
  assert.equal(await end(), "shutdown");
});

onBothSides("one exit counts once, not once for each sibling restarted", async (on) => {
  const journal = await Journal.open();
  const spec = specFor(journal, on);
  const { tree } = await startTree({
    strategy: "one_for_all",
    intensity: 1,
    periodMs: 60_000,
    children: ["a", "b", "c"].map((id) => spec(id)),
  });
  await journal.expect("a starts", "b starts", "c starts");
  exit(await pidOf(tree, "a"), "kill");
  await journal.expect("c stops shutdown", "b stops shutdown", "a starts", "b starts", "c starts");
  assert.equal((await countChildren(tree)).active, 3);
});

onBothSides("a restart that fails is retried, each try is counted", async (on) => {
  const journal = await Journal.open();
  const { tree, end } = await startTree({
    intensity: 3,
    periodMs: 60_000,
    children: [specFor(journal, on)("a", { how: { failAfterFirst: true } })],
  });
  await journal.expect("a starts");
  exit(await pidOf(tree, "a"), "kill");
  await journal.expect("a fails", "a fails", "a fails");
  assert.equal(await end(), "shutdown");
  await journal.isQuiet();
});

test("other requests are handled between the tries of a restart that fails", async () => {
  const journal = await Journal.open();
  let tries = 0;
  const { tree } = await startTree({
    intensity: 1000,
    periodMs: 60_000,
    children: [
      {
        id: "a",
        start: async (self) => {
          if (tries++ > 0) await Promise.reject(new Error("not again"));
          return await spawn(child, ["a", journal.pid, {}], { link: self });
        },
      },
    ],
  });
  exit(await pidOf(tree, "a"), "kill");
  while ((await whichChildren(tree))[0]!.pid !== "restarting");
  await assert.rejects(restartChild(tree, "a"), { code: "SUPERVISOR_REFUSED", reason: "restarting" });
  await assert.rejects(deleteChild(tree, "a"), { reason: "restarting" });
  await terminateChild(tree, "a");
  assert.equal((await whichChildren(tree))[0]!.pid, undefined);
  assert.ok(tries > 1);
});

onBothSides("a child that does not stop in time is killed; brutal_kill kills at once", async (on) => {
  /** What it says from when it is to stop until it is killed. */
  const lastWords = async (shutdown: number | "brutal_kill"): Promise<unknown> => {
    const journal = await Journal.open();
    const { tree } = await startTree({ children: [specFor(journal, on)("a", { shutdown, how: { stubborn: true } })] });
    await journal.expect("a starts");
    const pid = await pidOf(tree, "a");
    await stop(tree);
    assert.equal(await isAlive(pid), false);
    return await tell(journal.pid, { do: "unseen" });
  };
  assert.deepEqual(await lastWords("brutal_kill"), []);
  // On a busy machine the time may be over before its thread hears that it is to stop.
  let words: unknown = [];
  for (let shutdown = 10; shutdown <= 10_000 && String(words) === ""; shutdown *= 10) words = await lastWords(shutdown);
  assert.deepEqual(words, ["a ignores shutdown"]);
});

onBothSides("a child that has taken its link away is stopped all the same", async (on) => {
  const journal = await Journal.open();
  const { tree } = await startTree({ children: [specFor(journal, on)("a")] });
  await journal.expect("a starts");
  const pid = await pidOf(tree, "a");
  send(pid, { unlink: tree });
  await stop(tree);
  assert.equal(await isAlive(pid), false);
});

onBothSides("startChild with a used id answers already_present or already_started", async (on) => {
  const spec = specFor(await Journal.open(), on);
  const { tree } = await startTree({});
  const pid = await startChild(tree, spec("a"));
  await assert.rejects(startChild(tree, spec("a")), { code: "SUPERVISOR_REFUSED", reason: { already_started: pid } });
  await terminateChild(tree, "a");
  await assert.rejects(startChild(tree, spec("a")), { reason: "already_present" });
});

onBothSides("a child that fails to start when it is added is not kept", async (on) => {
  const spec = specFor(await Journal.open(), on);
  const { tree } = await startTree({});
  await assert.rejects(startChild(tree, spec("a", { how: { failStarts: 99 } })), { code: "SUPERVISOR_REFUSED" });
  assert.equal((await countChildren(tree)).specs, 0);
});

onBothSides("terminateChild keeps the spec, restartChild and deleteChild answer running and not_found", async (on) => {
  const journal = await Journal.open();
  const spec = specFor(journal, on);
  const { tree } = await startTree({ children: [spec("a"), spec("t", { restart: "temporary" })] });
  await assert.rejects(restartChild(tree, "a"), { reason: "running" });
  await assert.rejects(deleteChild(tree, "a"), { reason: "running" });
  for (const request of [restartChild, deleteChild, terminateChild]) {
    await assert.rejects(request(tree, "none"), { reason: "not_found" });
  }
  await terminateChild(tree, "a");
  assert.equal((await whichChildren(tree))[0]!.pid, undefined);
  assert.equal(await restartChild(tree, "a"), await pidOf(tree, "a"));
  await terminateChild(tree, "a");
  await deleteChild(tree, "a");
  await terminateChild(tree, "t");
  assert.deepEqual(await countChildren(tree), { specs: 0, active: 0, supervisors: 0, workers: 0 });
});

test("significant needs autoShutdown and a child that is not permanent; options are checked", () => {
  const start: ChildSpec["start"] = [child, []];
  for (const options of [
    { children: [{ id: 1, start, significant: true, restart: "transient" }] },
    { autoShutdown: "any_significant", children: [{ id: 1, start, significant: true }] },
    { strategy: "all_for_none" },
    { intensity: -1 },
    { periodMs: 0 },
    { autoShutdown: "sometimes" },
    {
      children: [
        { id: 1, start },
        { id: 1, start },
      ],
    },
    { children: [{ id: 1 }] },
    { children: [{ start }] },
    { children: [{ id: 1, start, shutdown: -1 }] },
    { children: [{ id: 1, start, type: "boss" }] },
  ]) {
    assert.throws(() => supervisor(options as never), { code: "SUPERVISOR_INVALID" }, JSON.stringify(options));
  }
});

onBothSides(
  "any_significant: a clean exit of a transient child ends the supervisor, a crash restarts it",
  async (on) => {
    const journal = await Journal.open();
    const spec = specFor(journal, on);
    const { tree, end } = await startTree({
      autoShutdown: "any_significant",
      children: [spec("a"), spec("s", { significant: true, restart: "transient" })],
    });
    await journal.expect("a starts", "s starts");
    exit(await pidOf(tree, "s"), "kill");
    await journal.expect("s starts");
    send(await pidOf(tree, "s"), { exit: "normal" });
    await journal.expect('s exits "normal"', "a stops shutdown");
    assert.equal(await end(), "shutdown");
  },
);

onBothSides("all_significant: the last significant child ends it; of a temporary one any exit counts", async (on) => {
  const journal = await Journal.open();
  const spec = specFor(journal, on);
  const significant = { significant: true, restart: "temporary" } as const;
  const { tree, end } = await startTree({
    autoShutdown: "all_significant",
    children: [spec("a"), spec("s", significant), spec("t", significant)],
  });
  await journal.expect("a starts", "s starts", "t starts");
  exit(await pidOf(tree, "s"), "kill");
  while ((await countChildren(tree)).active > 2);
  exit(await pidOf(tree, "t"), "kill");
  await journal.expect("a stops shutdown");
  assert.equal(await end(), "shutdown");
});

onBothSides("the parent's exit stops the children and ends the supervisor with its reason", async (on) => {
  const journal = await Journal.open();
  const parent = await newPuppet();
  const tree = await spawn(supervisor({ children: [specFor(journal, on)("a")] }), [], { link: parent });
  await journal.expect("a starts");
  const reason = await watchEnd(tree);
  exit(parent, "parent gone");
  await journal.expect("a stops shutdown");
  assert.equal(await reason(), "parent gone");
});

onBothSides("a killed supervisor takes its children along", async (on) => {
  const journal = await Journal.open();
  const { tree } = await startTree({ children: [specFor(journal, on)("a")] });
  await journal.expect("a starts");
  exit(tree, "kill");
  await journal.expect("a stops killed");
});

onBothSides(
  "dynamic children are started with further arguments, restarted with them, and stopped all at once",
  async (on) => {
    const journal = await Journal.open();
    const tree = await spawn(dynamicSupervisor({ intensity: 5, child: { start: [child, [], { on }] } }));
    const [first] = [await startChild(tree, ["a", journal.pid, {}]), await startChild(tree, ["b", journal.pid, {}])];
    await journal.expect("a starts", "b starts");
    exit(first!, "kill");
    await journal.expect("a starts");
    assert.deepEqual(await countChildren(tree), { specs: 1, active: 2, supervisors: 0, workers: 2 });
    await assert.rejects(restartChild(tree, first!), { reason: "simple_one_for_one" });
    await assert.rejects(deleteChild(tree, first!), { reason: "simple_one_for_one" });
    await assert.rejects(terminateChild(tree, first!), { reason: "not_found" });
    const [{ pid } = { pid: undefined }] = await whichChildren(tree);
    await terminateChild(tree, pid as Pid);
    assert.equal((await countChildren(tree)).active, 1);
    await stop(tree);
    assert.equal(await isAlive(tree as Pid), false);
  },
);

onBothSides("a dynamic child that is restarting is given up by the pid that it had", async (on) => {
  const journal = await Journal.open();
  const tree = await spawn(dynamicSupervisor({ intensity: 1_000_000, child: { start: [child, [], { on }] } }));
  const pid = await startChild(tree, ["a", journal.pid, { failAfterFirst: true }]);
  await journal.expect("a starts");
  exit(pid!, "kill");
  await journal.expect("a fails", "a fails");
  await terminateChild(tree, pid!);
  assert.deepEqual(await whichChildren(tree), []);
  await assert.rejects(terminateChild(tree, pid!), { reason: "not_found" });
  await stop(tree);
});

test("dynamic children share one timer: many stubborn ones are killed together", async () => {
  const journal = await Journal.open();
  const tree = await spawn(dynamicSupervisor({ child: { start: [child], shutdown: 500, restart: "temporary" } }));
  const pids = await Promise.all(
    Array.from({ length: 50 }, (_, i) => startChild(tree, [`${i}`, journal.pid, { stubborn: true }])),
  );
  const startMs = performance.now();
  await stop(tree);
  // One after the other takes 25 s. A busy machine delays everything by seconds.
  assert.ok(performance.now() - startMs < 0.8 * 50 * 500);
  for (const pid of pids) assert.equal(await isAlive(pid!), false);
});

test("a partitioned supervisor has one child on each scheduler thread, and a key leads to always the same", async () => {
  const journal = await Journal.open();
  const tree = await spawn(partitionedSupervisor({ child: { start: [child, ["p", journal.pid, {}]] } }));
  const threads = await schedulerThreads();
  const pids = (await whichChildren(tree)).map(({ pid }) => pid as Pid);
  assert.deepEqual(
    pids.map(({ thread }) => thread),
    threads,
  );
  assert.equal(await partition(tree, "some key"), await partition(tree, "some key"));
  assert.equal(await partition(tree, 1), pids[1]);
  await stop(tree);
});

onBothSides("a tree of supervisors is told as JSON", async (on) => {
  const journal = await Journal.open();
  const spec = specFor(journal, on);
  const inner = supervisor({ strategy: "rest_for_one", children: [spec("leaf")] });
  const { tree } = await startTree({ children: [{ id: "inner", type: "supervisor", start: [inner] }, spec("worker")] });
  const told = JSON.parse(JSON.stringify(await supervisorTree(tree)));
  assert.equal(told.strategy, "one_for_one");
  assert.deepEqual(
    told.children.map((node: any) => [node.id, node.type, node.strategy]),
    [
      ["inner", "supervisor", "rest_for_one"],
      ["worker", "worker", undefined],
    ],
  );
  assert.equal(told.children[0].children[0].label, "child");
  await stop(tree);
});
