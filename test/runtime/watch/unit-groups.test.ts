import assert from "node:assert/strict";
import { test } from "node:test";
import { groupUnits, type UnitView } from "../../../src/runtime/watch/unit-groups.ts";

const parked: UnitView = {
  kind: "task",
  name: "feed",
  state: "parked",
  where: "receive",
  parkedAt: ["feed (a.ts:1:1)"],
};

test("units that do the same at the same place are one group, with the time of the one that waits longest", () => {
  const groups = groupUnits([
    { ...parked, forMs: 10 },
    { ...parked, forMs: 30 },
    { ...parked, parkedAt: ["feed (a.ts:2:1)"] },
    { ...parked, where: "mutex" },
    { ...parked, name: "drain" },
  ]);
  assert.deepEqual(
    groups.map(({ count, forMs }) => [count, forMs]),
    [
      [2, 30],
      [1, undefined],
      [1, undefined],
      [1, undefined],
    ],
  );
});

test("the groups with long mailboxes come first, then the large ones", () => {
  const actor: UnitView = { kind: "actor", name: "room", state: "parked", where: "receive" };
  const [first, second] = groupUnits([
    parked,
    parked,
    { ...actor, messages: 2, oldestMessageMs: 5 },
    { ...actor, messages: 9, oldestMessageMs: 3 },
  ]);
  assert.deepEqual([first!.name, first!.messages, first!.longestMailbox, first!.oldestMessageMs], ["room", 11, 9, 5]);
  assert.equal(second!.count, 2);
});
