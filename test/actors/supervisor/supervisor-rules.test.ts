/** More of OTP's rules of supervisors: defaults, the restart window, starts and tries. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import {
  countChildren,
  deleteChild,
  dynamicSupervisor,
  exit,
  restartChild,
  send,
  spawn,
  startChild,
  stop,
  supervisor,
  terminateChild,
  whichChildren,
  type ChildSpec,
  type Pid,
} from "../../../src/actors/index.ts";
import { RestartWindow } from "../../../src/actors/supervisor/restart-window.ts";
import { checkOptions } from "../../../src/actors/supervisor/spec.ts";
import { child } from "../../fixtures/actors/child.ts";
import { watchEnd, Journal, pidOf, specFor, startTree } from "../journal.ts";
import { isAlive, onBothSides, settled } from "../support.ts";

test("what is left out of a supervisor's flags and a child's specification has the defaults of OTP", () => {
  const start: ChildSpec["start"] = [child];
  const defaults = { start, restart: "permanent", significant: false };
  assert.deepEqual(
    checkOptions({
      children: [
        { id: "w", start },
        { id: "s", start, type: "supervisor" },
      ],
    }),
    {
      strategy: "one_for_one",
      intensity: 1,
      periodMs: 5000,
      autoShutdown: "never",
      children: [
        { id: "w", ...defaults, shutdown: 5000, type: "worker" },
        { id: "s", ...defaults, shutdown: "infinity", type: "supervisor" },
      ],
    },
  );
});

test("restarts that are not older than the period count, and older ones are forgotten", () => {
  const window = new RestartWindow(2, 100);
  assert.ok(window.admits(0) && window.admits(50));
  assert.equal(window.admits(100), false, "0 is not older than the period");
  const later = new RestartWindow(2, 100);
  assert.ok(later.admits(0) && later.admits(50) && later.admits(101), "0 is older than the period");
  assert.equal(later.admits(150), false, "50 is not");
  assert.equal(new RestartWindow(0, 100).admits(0), false);
  const busy = new RestartWindow(3, 10);
  for (let ms = 0; ms < 1000; ms += 5) assert.ok(busy.admits(ms), "three in any ten milliseconds");
  assert.equal(busy.admits(995), false);
});

onBothSides("without an intensity one restart is put up with, and a second one is too many", async (on) => {
  const journal = await Journal.open();
  const { tree, end } = await startTree({ children: [specFor(journal, on)("a")] });
  await journal.expect("a starts");
  exit(await pidOf(tree, "a"), "kill");
  await journal.expect("a starts");
  exit(await pidOf(tree, "a"), "kill");
  assert.equal(await end(), "shutdown");
  await journal.isQuiet();
});

onBothSides("the restart window is measured by a monotonic clock, whatever the date is set to", async (on) => {
  const journal = await Journal.open();
  const { tree, end } = await startTree({ intensity: 1, periodMs: 60_000, children: [specFor(journal, on)("a")] });
  await journal.expect("a starts");
  exit(await pidOf(tree, "a"), "kill");
  await journal.expect("a starts");
  const nextDay = Date.now() + 86_400_000;
  const clock = mock.method(Date, "now", () => nextDay);
  try {
    exit(await pidOf(tree, "a"), "kill");
    assert.equal(await end(), "shutdown");
  } finally {
    clock.mock.restore();
  }
});

onBothSides("with rest_for_one too, one exit counts once, however many are restarted", async (on) => {
  const journal = await Journal.open();
  const spec = specFor(journal, on);
  const children = ["a", "b", "c"].map((id) => spec(id));
  const { tree } = await startTree({ strategy: "rest_for_one", children });
  await journal.expect("a starts", "b starts", "c starts");
  exit(await pidOf(tree, "a"), "kill");
  await journal.expect("c stops shutdown", "b stops shutdown", "a starts", "b starts", "c starts");
  assert.equal((await countChildren(tree)).active, 3);
  await stop(tree);
});

onBothSides("a child is started when the one before it has started", async (on) => {
  const journal = await Journal.open();
  const gate = Promise.withResolvers<void>();
  const asked: string[] = [];
  const gated = (id: string, opens?: Promise<void>): ChildSpec => ({
    id,
    start: async (self) => {
      asked.push(id);
      await opens;
      return await spawn(child, [id, journal.pid, {}], { link: self, on });
    },
  });
  const starting = startTree({ children: [gated("a", gate.promise), gated("b")] });
  await settled();
  assert.deepEqual(asked, ["a"]);
  gate.resolve();
  const { tree } = await starting;
  await journal.expect("a starts", "b starts");
  await stop(tree);
});

onBothSides("if a child fails to start at init, those after it are never started", async (on) => {
  const journal = await Journal.open();
  const spec = specFor(journal, on);
  const children = [spec("a"), spec("b"), spec("c", { how: { failStarts: 99 } }), spec("d")];
  await assert.rejects(spawn(supervisor({ children })), (error: any) => {
    assert.equal(error.reason.shutdown.reason.message, "c does not start");
    return true;
  });
  await journal.expect("a starts", "b starts", "c fails", "b stops shutdown", "a stops shutdown");
  await journal.isQuiet();
});

onBothSides("a child that is added and answers ignore is kept with no pid, unless it is temporary", async (on) => {
  const spec = specFor(await Journal.open(), on);
  const { tree } = await startTree({});
  const how = { ignore: true };
  assert.equal(await startChild(tree, spec("kept", { how })), undefined);
  assert.equal(await startChild(tree, spec("dropped", { how, restart: "temporary" })), undefined);
  assert.deepEqual(await whichChildren(tree), [{ id: "kept", pid: undefined, type: "worker" }]);
  await assert.rejects(startChild(tree, spec("kept")), { reason: "already_present" });
  await stop(tree);
});

onBothSides("between the tries of a restart that fails other requests are handled", async (on) => {
  const journal = await Journal.open();
  const spec = specFor(journal, on);
  const { tree } = await startTree({
    intensity: 1_000_000,
    children: [spec("a", { how: { failAfterFirst: true } })],
  });
  exit(await pidOf(tree, "a"), "kill");
  while ((await whichChildren(tree))[0]!.pid !== "restarting");
  await assert.rejects(restartChild(tree, "a"), { code: "SUPERVISOR_REFUSED", reason: "restarting" });
  await assert.rejects(deleteChild(tree, "a"), { reason: "restarting" });
  const added = await startChild(tree, spec("b"));
  assert.deepEqual(await countChildren(tree), { specs: 2, active: 1, supervisors: 0, workers: 2 });
  await terminateChild(tree, "a");
  assert.deepEqual(await whichChildren(tree), [
    { id: "a", pid: undefined, type: "worker" },
    { id: "b", pid: added, type: "worker" },
  ]);
  await deleteChild(tree, "a");
  await stop(tree);
});

onBothSides(
  "a dynamic supervisor counts each try, stops all and ends with shutdown when it is too many",
  async (on) => {
    const journal = await Journal.open();
    const tree = await spawn(dynamicSupervisor({ intensity: 2, child: { start: [child, [], { on }] } }));
    const failing = await startChild(tree, ["a", journal.pid, { failAfterFirst: true }]);
    await startChild(tree, ["b", journal.pid, {}]);
    await journal.expect("a starts", "b starts");
    const end = await watchEnd(tree as Pid);
    exit(failing!, "kill");
    await journal.expect("a fails", "a fails", "b stops shutdown");
    assert.equal(await end(), "shutdown");
    await journal.isQuiet();
  },
);

onBothSides("dynamic children are restarted or not as their kind says", async (on) => {
  for (const [restart, reason, restarted] of [
    ["permanent", "normal", true],
    ["transient", "boom", true],
    ["transient", { shutdown: "done" }, false],
    ["temporary", "boom", false],
  ] as const) {
    const journal = await Journal.open();
    const tree = await spawn(dynamicSupervisor({ child: { start: [child, [], { on }], restart } }));
    const pid = (await startChild(tree, ["a", journal.pid, {}]))!;
    await journal.expect("a starts");
    send(pid, { exit: reason });
    await journal.expect(`a exits ${JSON.stringify(reason)}`);
    if (restarted) await journal.expect("a starts");
    else while ((await countChildren(tree)).active > 0);
    assert.equal(await isAlive(pid), false);
    await stop(tree);
  }
});
