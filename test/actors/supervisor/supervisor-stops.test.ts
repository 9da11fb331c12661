/** How supervisors stop their children, and when significant children stop their supervisor. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  countChildren,
  dynamicSupervisor,
  exit,
  send,
  spawn,
  startChild,
  stop,
  type Pid,
} from "../../../src/actors/index.ts";
import { child } from "../../fixtures/actors/child.ts";
import { watchEnd, Journal, pidOf, specFor, startTree } from "../journal.ts";
import { isAlive, newPuppet, next, onBothSides, tell, watched } from "../support.ts";

onBothSides(
  "a child is told to stop when the one after it has exited; with infinity that may take for ever",
  async (on) => {
    const journal = await Journal.open();
    const spec = specFor(journal, on);
    const stubborn = { shutdown: "infinity", how: { stubborn: true } } as const;
    const { tree } = await startTree({ children: [spec("a"), spec("b"), spec("c", stubborn)] });
    await journal.expect("a starts", "b starts", "c starts");
    const [b, c] = [await pidOf(tree, "b"), await pidOf(tree, "c")];
    const stopping = stop(tree, "shutdown");
    await journal.expect("c ignores shutdown");
    // Answered after whatever the supervisor has told the children's thread by now.
    assert.ok((await isAlive(b)) && (await isAlive(c)));
    await journal.isQuiet();
    exit(c, "kill");
    await journal.expect("b stops shutdown", "a stops shutdown");
    await stopping;
  },
);

onBothSides("dynamic children are all told to stop at once", async (on) => {
  const journal = await Journal.open();
  const tree = await spawn(dynamicSupervisor({ child: { start: [child, [], { on }], shutdown: "infinity" } }));
  const ids = ["a", "b", "c"];
  const pids: Pid[] = [];
  for (const id of ids) pids.push((await startChild(tree, [id, journal.pid, { stubborn: true }]))!);
  await journal.expect("a starts", "b starts", "c starts");
  const stopping = stop(tree);
  const told = new Set<unknown>();
  for (const _ of ids) told.add(await next(journal.pid));
  assert.deepEqual(told, new Set(ids.map((id) => `${id} ignores shutdown`)));
  for (const pid of pids) assert.ok(await isAlive(pid));
  for (const pid of pids) exit(pid, "kill");
  await stopping;
});

onBothSides("dynamic children that do not stop in time, and with brutal_kill all of them, are killed", async (on) => {
  for (const shutdown of [10, "brutal_kill"] as const) {
    const [journal, watcher] = [await Journal.open(), await newPuppet()];
    const tree = await spawn(dynamicSupervisor({ child: { start: [child, [], { on }], shutdown } }));
    for (const id of ["a", "b"]) {
      const pid = (await startChild(tree, [id, journal.pid, { stubborn: true }]))!;
      await tell(watcher, { do: "monitor", pid });
    }
    await journal.expect("a starts", "b starts");
    await stop(tree);
    assert.deepEqual([(await next(watcher)).reason, (await next(watcher)).reason], ["killed", "killed"]);
    if (shutdown === "brutal_kill") await journal.isQuiet();
  }
});

onBothSides("a dynamic child that has taken its link away is stopped all the same", async (on) => {
  const journal = await Journal.open();
  const tree = await spawn(dynamicSupervisor({ child: { start: [child, [], { on }] } }));
  const pid = (await startChild(tree, ["a", journal.pid, {}]))!;
  send(pid, { unlink: tree });
  await stop(tree);
  assert.equal(await isAlive(pid), false);
});

onBothSides("of a significant transient child a clean exit counts, of a temporary one any", async (on) => {
  for (const autoShutdown of ["any_significant", "all_significant"] as const) {
    for (const [restart, reason, ends] of [
      ["transient", "normal", true],
      ["transient", "shutdown", true],
      ["transient", { shutdown: "done" }, true],
      ["transient", "boom", false],
      ["temporary", "normal", true],
      ["temporary", "boom", true],
    ] as const) {
      const journal = await Journal.open();
      const spec = specFor(journal, on);
      const { tree, end } = await startTree({
        autoShutdown,
        children: [spec("a"), spec("s", { significant: true, restart })],
      });
      await journal.expect("a starts", "s starts");
      send(await pidOf(tree, "s"), { exit: reason });
      await journal.expect(`s exits ${JSON.stringify(reason)}`);
      if (ends) {
        await journal.expect("a stops shutdown");
        assert.equal(await end(), "shutdown");
      } else {
        await journal.expect("s starts");
        await stop(tree);
      }
    }
  }
});

onBothSides("children that are not significant never end their supervisor", async (on) => {
  const journal = await Journal.open();
  const spec = specFor(journal, on);
  const { tree } = await startTree({
    autoShutdown: "any_significant",
    children: [spec("a", { restart: "temporary" }), spec("s", { significant: true, restart: "transient" })],
  });
  await journal.expect("a starts", "s starts");
  exit(await pidOf(tree, "a"), "kill");
  while ((await countChildren(tree)).specs > 1);
  assert.ok(await isAlive(await pidOf(tree, "s")));
  await stop(tree);
});

onBothSides("all_significant waits for the last one, whatever kinds they are", async (on) => {
  const journal = await Journal.open();
  const spec = specFor(journal, on);
  const { tree, end } = await startTree({
    autoShutdown: "all_significant",
    children: [
      spec("s", { significant: true, restart: "transient" }),
      spec("t", { significant: true, restart: "temporary" }),
    ],
  });
  await journal.expect("s starts", "t starts");
  send(await pidOf(tree, "s"), { exit: "normal" });
  await journal.expect('s exits "normal"');
  while ((await countChildren(tree)).active > 1);
  exit(await pidOf(tree, "t"), "kill");
  assert.equal(await end(), "shutdown");
});

onBothSides("a dynamic supervisor ends with its significant children as well", async (on) => {
  const journal = await Journal.open();
  const tree = await spawn(
    dynamicSupervisor({
      autoShutdown: "all_significant",
      child: { start: [child, [], { on }], significant: true, restart: "temporary" },
    }),
  );
  const pids = [await startChild(tree, ["a", journal.pid, {}]), await startChild(tree, ["b", journal.pid, {}])];
  const end = await watchEnd(tree as Pid);
  exit(pids[0]!, "kill");
  while ((await countChildren(tree)).active > 1);
  exit(pids[1]!, "kill");
  assert.equal(await end(), "shutdown");
});

test("a significant child is refused where it is added, too, and so is a kind of dynamic children", async () => {
  const spec = specFor(await Journal.open(), "here");
  const { tree } = await startTree({});
  const significant = spec("s", { significant: true, restart: "transient" });
  await assert.rejects(startChild(tree, significant), { code: "SUPERVISOR_REFUSED" });
  assert.equal((await countChildren(tree)).specs, 0);
  await stop(tree);
  for (const options of [
    { child: { start: [child], significant: true, restart: "transient" } },
    { autoShutdown: "any_significant", child: { start: [child], significant: true } },
  ] as const)
    assert.throws(() => dynamicSupervisor(options), { code: "SUPERVISOR_INVALID" });
});

onBothSides("a child whose start function is at work when its supervisor is killed ends too", async (on) => {
  const atWork = Promise.withResolvers<void>();
  const goesOn = Promise.withResolvers<void>();
  const started = Promise.withResolvers<Pid>();
  const start = async (): Promise<Pid> => {
    atWork.resolve();
    await goesOn.promise;
    const pid = await newPuppet(on);
    const { reason } = await watched(pid);
    started.resolve(pid);
    ended = reason;
    return pid;
  };
  let ended: Promise<unknown> | undefined;
  const tree = await spawn(dynamicSupervisor({ child: { start } }));
  const asked = startChild(tree, []).catch(() => {});
  await atWork.promise;
  exit(tree, "kill");
  await asked;
  goesOn.resolve();
  await started.promise;
  assert.equal(await ended, "killed");
});
