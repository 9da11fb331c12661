/** Significant children that will be restarted count as running: the supervisor does not end because of them. */

import assert from "node:assert/strict";
import {
  dynamicSupervisor,
  exit,
  send,
  spawn,
  startChild,
  stop,
  terminateChild,
  whichChildren,
  type Pid,
  type SupervisorPid,
} from "../../../src/actors/index.ts";
import { child } from "../../fixtures/actors/child.ts";
import { Journal, pidOf, specFor, startTree } from "../journal.ts";
import { exitOf, isAlive, newPuppet, next, onBothSides } from "../support.ts";

const MANY = 1_000_000;

async function untilRestarting(tree: SupervisorPid): Promise<void> {
  while (!(await whichChildren(tree)).some(({ pid }) => pid === "restarting"));
}

onBothSides("all_significant waits for one that is restarting", async (on) => {
  const journal = await Journal.open();
  const spec = specFor(journal, on);
  const kind = { restart: "transient", significant: true } as const;
  const { tree, end } = await startTree({
    intensity: MANY,
    autoShutdown: "all_significant",
    children: [spec("a", { ...kind, how: { failAfterFirst: true } }), spec("b", kind)],
  });
  const [a, b] = [await pidOf(tree, "a"), await pidOf(tree, "b")];
  const gone = exitOf(b);
  exit(a, "kill");
  await untilRestarting(tree);
  send(b, { exit: "normal" });
  await gone;
  // It has heard of that exit before it answers.
  await whichChildren(tree);
  assert.equal(await isAlive(tree as Pid), true);
  await terminateChild(tree, "a");
  await stop(tree);
  assert.equal(await end(), "normal");
});

onBothSides("so does a dynamic supervisor", async (on) => {
  const journal = await Journal.open();
  const watcher = await newPuppet();
  const tree = await spawn(
    dynamicSupervisor({
      intensity: MANY,
      autoShutdown: "all_significant",
      child: { start: [child, [], { on }], restart: "transient", significant: true },
    }),
    [],
    { monitor: watcher },
  );
  const a = await startChild(tree, ["a", journal.pid, { failAfterFirst: true }]);
  const b = await startChild(tree, ["b", journal.pid, {}]);
  const gone = exitOf(b!);
  exit(a!, "kill");
  await untilRestarting(tree);
  send(b!, { exit: "normal" });
  await gone;
  await whichChildren(tree);
  assert.equal(await isAlive(tree as Pid), true);
  await stop(tree);
  assert.equal((await next(watcher)).reason, "normal");
});
