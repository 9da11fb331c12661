import assert from "node:assert/strict";
import { test } from "node:test";
import { runawayVerdict, type Findings, type Judgement } from "../../../src/runtime/threads/runaway-verdict.ts";

const calm: Findings = {
  silentMs: 0,
  reported: false,
  lookedAgoMs: Infinity,
  turn: "unknown",
  isOther: false,
  orderedForMs: undefined,
  budgetMs: Infinity,
  warnMs: 1000,
};
const ordered = { seenForMs: 0, isOrdered: true };
const found = (seenForMs: number): Findings["turn"] => ({ seenForMs, isOrdered: false });

const cases: readonly (readonly [what: string, findings: Partial<Findings>, judgement: Judgement])[] = [
  ["turns", {}, "wait"],
  ["turns, and somebody there was told to exit: it hears of that itself", { orderedForMs: 0 }, "wait"],
  ["has stood still for less than two beats", { silentMs: 150, orderedForMs: 0, turn: ordered }, "wait"],
  ["stands still, and somebody there was told to exit", { silentMs: 200, orderedForMs: 0 }, "look"],
  ["was just looked at, and somebody else was found", { silentMs: 200, orderedForMs: 0, lookedAgoMs: 0 }, "wait"],
  ["is held by who was told to exit", { silentMs: 200, orderedForMs: 0, lookedAgoMs: 0, turn: ordered }, "end"],
  ["stands still, and there is no budget", { silentMs: 999 }, "wait"],
  ["has stood still for a second, and is not to be reported", { silentMs: 1000, warnMs: Infinity }, "wait"],
  ["has stood still for a second", { silentMs: 1000 }, "report"],
  ["was reported", { silentMs: 5000, reported: true }, "wait"],
  ["stands still, and there is a budget", { silentMs: 200, budgetMs: 300 }, "look"],
  ["is held within the budget", { silentMs: 400, budgetMs: 300, lookedAgoMs: 200, turn: found(200) }, "wait"],
  ["is held beyond the budget", { silentMs: 500, budgetMs: 300, lookedAgoMs: 200, turn: found(300) }, "end"],
  ["is held within a long budget for long", { silentMs: 1200, budgetMs: 5000, turn: found(1000) }, "report"],
  [
    "is held by nobody known beyond the budget",
    { silentMs: 5000, budgetMs: 300, reported: true, lookedAgoMs: 9 },
    "wait",
  ],
  [
    "is held by a task beyond the budget",
    { silentMs: 5000, budgetMs: 300, reported: true, lookedAgoMs: 9, turn: "task" },
    "wait",
  ],
  ["does not let somebody exit for long, and nobody knows why", { silentMs: 3000, orderedForMs: 3000 }, "quarantine"],
  [
    "is held by who was told to exit, who cannot be ended",
    { silentMs: 3000, orderedForMs: 3000, turn: ordered },
    "quarantine",
  ],
  [
    "has stood still for long, and somebody was told to exit just now",
    { silentMs: 60_000, orderedForMs: 10 },
    "report",
  ],
  ["had turned before it stood still, and the order is old", { silentMs: 300, orderedForMs: 3300 }, "look"],
  [
    "is held by a task for a while",
    { silentMs: 4000, orderedForMs: 4000, reported: true, turn: "task", isOther: true, lookedAgoMs: 9 },
    "wait",
  ],
  [
    "is held by another actor for a while",
    { silentMs: 4000, orderedForMs: 4000, reported: true, turn: found(4000), isOther: true, lookedAgoMs: 9 },
    "wait",
  ],
  ["is held by a task for long", { silentMs: 5000, orderedForMs: 5000, turn: "task", isOther: true }, "quarantine"],
  [
    "is held by another actor for long",
    { silentMs: 5000, orderedForMs: 5000, turn: found(5000), isOther: true },
    "quarantine",
  ],
  [
    "was held by another actor, and does not answer just now",
    { silentMs: 4000, orderedForMs: 4000, reported: true, isOther: true, lookedAgoMs: 9 },
    "wait",
  ],
];

for (const [what, findings, judgement] of cases) {
  test(`a thread that ${what}: ${judgement}`, () => {
    assert.equal(runawayVerdict({ ...calm, ...findings }), judgement);
  });
}
