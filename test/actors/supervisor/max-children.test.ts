/** The limit of a dynamic supervisor's children; the rules of Elixir's DynamicSupervisor. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  countChildren,
  dynamicSupervisor,
  exit,
  genServer,
  ignore,
  setCrashReporter,
  setSupervisorReporter,
  spawn,
  startChild,
  stop,
  terminateChild,
  whichChildren,
} from "../../../src/actors/index.ts";
import { onBothSides, watched } from "../support.ts";
import { puppet } from "../../fixtures/actors/puppet.ts";

setCrashReporter(() => {});
setSupervisorReporter(() => {});

const full = { code: "SUPERVISOR_REFUSED", reason: "max_children" };

onBothSides("startChild is refused at the limit, and accepted when a child has ended", async (on) => {
  const start = [puppet, [], { on }] as const;
  const pid = await spawn(dynamicSupervisor({ maxChildren: 2, child: { start, restart: "temporary" } }));
  const first = await startChild(pid, []);
  await startChild(pid, []);
  await assert.rejects(startChild(pid, []), full);
  assert.equal((await countChildren(pid)).active, 2);
  await terminateChild(pid, first!);
  const third = await startChild(pid, []);
  await assert.rejects(startChild(pid, []), full);
  const { reason } = await watched(third!);
  exit(third!, "kill");
  await reason;
  await whichChildren(pid);
  assert.notEqual(await startChild(pid, []), undefined);
  await stop(pid);
});

test("of many that ask at once, no more than the limit get a child", async () => {
  const pid = await spawn(dynamicSupervisor({ maxChildren: 3, child: { start: [puppet] } }));
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => startChild(pid, [])));
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 3);
  await stop(pid);
});

test("a child that is being restarted keeps its place; one that does not start, or ignores, takes none", async () => {
  const starts: unknown[] = ["started", "fails", "fails", "started", ignore, "fails at first", "started"];
  const moody = genServer({
    init: () => {
      const start = starts.shift();
      if (String(start).startsWith("fails")) throw new Error("not now");
      return start;
    },
  });
  const pid = await spawn(dynamicSupervisor({ maxChildren: 1, intensity: 10, child: { start: [moody] } }));
  const child = await startChild(pid, []);
  const { reason } = await watched(child!);
  exit(child!, "kill");
  await reason;
  // Wherever the restart is now, the place is taken.
  await assert.rejects(startChild(pid, []), full);
  while ((await countChildren(pid)).active === 0) await new Promise(setImmediate);
  const [{ pid: restarted } = { pid: undefined }] = await whichChildren(pid);
  await terminateChild(pid, restarted as never);
  assert.equal(await startChild(pid, []), undefined);
  await assert.rejects(startChild(pid, []), { code: "SUPERVISOR_REFUSED" });
  assert.notEqual(await startChild(pid, []), undefined);
  await stop(pid);
});

test("a limit that is not a whole number is refused; 0 allows no child", async () => {
  for (const maxChildren of [-1, 1.5, NaN, "3" as never]) {
    assert.throws(() => dynamicSupervisor({ maxChildren, child: { start: [puppet] } }), { code: "SUPERVISOR_INVALID" });
  }
  const pid = await spawn(dynamicSupervisor({ maxChildren: 0, child: { start: [puppet] } }));
  await assert.rejects(startChild(pid, []), full);
  await stop(pid);
});
