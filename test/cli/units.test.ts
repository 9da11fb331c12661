/** What the commands print of tasks and actors. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ObservedNode } from "../../src/actors/inspect/observed-tree.ts";
import { formatLeaks, formatThreadUnits, formatTrees, formatUnits } from "../../src/cli/units.ts";
import { NO_UNITS, type UnitCounts } from "../../src/runtime/watch/unit-counts.ts";
import { groupUnits, type UnitView } from "../../src/runtime/watch/unit-groups.ts";
import type { UnitLeak } from "../../src/runtime/watch/watchers.ts";

const counts: UnitCounts = {
  ...NO_UNITS,
  tasks: 12,
  parkedTasks: 11,
  actors: 1,
  messages: 8,
  longestMailbox: 8,
  oldestMessageMs: 1200,
};

test("tasks that are parked at the same place are one entry with their number, the place and where they were started", () => {
  const task: UnitView = {
    kind: "task",
    name: "feed",
    state: "parked",
    where: "receive",
    forMs: 3200,
    parkedAt: ["feed (file:///app/a%20b.ts:1:2)"],
    startedAt: "main (file:///app/main.ts:3:4)",
  };
  const actor: UnitView = { kind: "actor", name: "room", state: "runnable", messages: 8, oldestMessageMs: 1200 };
  const groups = groupUnits([task, task, actor]);
  assert.deepEqual(formatThreadUnits({ counts, groups, more: 9 }), [
    "  tasks: 12 alive, 11 parked, 0 not begun",
    "  actors: 1 alive, 0 parked, 0 runnable, 8 messages (the longest mailbox has 8, the oldest 1.2 s old)",
    "  actor room  waits for its turn  8 messages, the oldest 1.2 s old",
    "  task feed × 2  parked in receive for up to 3.2 s",
    "    at feed (/app/a b.ts:1:2)",
    "    started at main (/app/main.ts:3:4)",
    "  … and 9 more, which were not looked at",
  ]);
});

test("a thread that does not answer has its last counts", () => {
  const lines = formatThreadUnits({ counts: { ...NO_UNITS, tasks: 2 }, groups: undefined, more: 2 });
  assert.deepEqual(lines, [
    "  tasks: 2 alive, 0 parked, 0 not begun",
    "  (it does not answer: these are its last counts)",
  ]);
});

test("status has the sums, and a line for each thread", () => {
  const lines = formatUnits({
    total: { ...counts, restarts: 1 },
    runaways: 2,
    threads: [{ worker: 7, thread: "thread 0", counts }],
  });
  assert.match(lines[1]!, /8 messages \(the longest mailbox has 8.*\), 1 restart by supervisors, 2 runaways ended$/);
  assert.match(lines.join("\n"), /^7 +thread 0 +12 +11 +0 +1 +0 +0 +8 +8 +1\.2 s +0$/m);
});

function node(path: string, children: ObservedNode[] = [], more: Partial<ObservedNode> = {}): ObservedNode {
  return {
    pid: `<0.${path.length}>`,
    name: undefined,
    label: undefined,
    path,
    kind: "actor",
    status: "parked",
    mailboxLength: 0,
    oldestMessageMs: undefined,
    turns: 0,
    runTimeMs: 0,
    restarts: 0,
    children,
    moreChildren: 0,
    ...more,
  };
}

test("a tree has each actor's place, state, mailbox and restarts", () => {
  const rooms = node("app/rooms", [node("app/rooms/lobby", [], { status: "runnable", mailboxLength: 2 })], {
    kind: "supervisor",
    moreChildren: 3,
  });
  const app = node("", [rooms, node("app/log", [], { name: "logger", kind: "worker" })], {
    path: undefined,
    name: "app",
    kind: "supervisor",
    restarts: 2,
  });
  const views = [
    { worker: 7, thread: "thread 0", blockedMs: 0, trees: [app] },
    { worker: 7, thread: "thread 1", blockedMs: 1500, trees: undefined },
  ];
  assert.deepEqual(formatTrees(views).split("\n"), [
    "worker 7 thread 0",
    "  app <0.0>  supervisor  parked  2 restarts",
    "  ├─ rooms <0.9>  supervisor  parked",
    "  │  ├─ lobby <0.15>  actor  runnable  2 messages",
    "  │  └─ … and 3 more",
    "  └─ log (logger) <0.7>  server  parked",
    "worker 7 thread 1: BLOCKED for 1.5 s",
  ]);
  assert.equal(formatTrees([]), "no supervisors");
});

test("leaks of a kind are one entry; a thread that was not looked at is named", () => {
  const leak: UnitLeak = {
    kind: "task",
    id: "0.1",
    name: "feed",
    where: "receive",
    since: Date.now() - 61_000,
    startedAt: "main (file:///app/main.ts:3:4)",
  };
  const actor: UnitLeak = {
    ...leak,
    kind: "actor",
    name: undefined,
    where: undefined,
    since: undefined,
    startedAt: undefined,
  };
  const views = [
    { worker: 7, thread: "thread 0", blockedMs: 0, leaks: [leak, leak, actor] },
    { worker: 7, thread: "thread 1", blockedMs: 0, leaks: [] },
    { worker: 7, thread: "thread 2", blockedMs: 0, leaks: undefined },
  ];
  assert.deepEqual(formatLeaks(views).split("\n"), [
    "worker 7 thread 0",
    "  task feed × 2  parked in receive for up to 1 min 1 s",
    "    started at main (/app/main.ts:3:4)",
    "  actor  parked in a promise that nobody settles",
    "worker 7 thread 2: does not answer, and was not looked at",
    "2 tasks and 1 actor leaked: nobody could wake them any more. They were forgotten, and their memory is free",
  ]);
  assert.equal(formatLeaks(views.slice(1, 2)), "no leaks");
  assert.match(formatLeaks([]), /uses neither heddle\/tasks nor heddle\/actors/);
});
