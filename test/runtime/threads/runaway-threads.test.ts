import assert from "node:assert/strict";
import { test } from "node:test";
import { runawayVerdict, type Findings, type Judgement } from "../../../src/runtime/threads/runaway-threads.ts";

const calm: Findings = {
  silentMs: 0,
  reported: false,
  lookedAgoMs: Infinity,
  actor: undefined,
  hasOrders: false,
  budgetMs: Infinity,
};
const ordered = { seenForMs: 0, isOrdered: true };
const found = (seenForMs: number): Findings["actor"] => ({ seenForMs, isOrdered: false });

const cases: readonly (readonly [what: string, findings: Partial<Findings>, judgement: Judgement])[] = [
  ["turns", {}, "wait"],
  ["turns, and somebody there was told to exit: it hears of that itself", { hasOrders: true }, "wait"],
  ["has stood still for less than two beats", { silentMs: 150, hasOrders: true, actor: ordered }, "wait"],
  ["stands still, and somebody there was told to exit", { silentMs: 200, hasOrders: true }, "look"],
  ["was just looked at, and somebody else was found", { silentMs: 200, hasOrders: true, lookedAgoMs: 0 }, "wait"],
  ["is held by who was told to exit", { silentMs: 200, hasOrders: true, lookedAgoMs: 0, actor: ordered }, "end"],
  ["stands still, and there is no budget", { silentMs: 999 }, "wait"],
  ["has stood still for a second", { silentMs: 1000 }, "report"],
  ["was reported", { silentMs: 5000, reported: true }, "wait"],
  ["stands still, and there is a budget", { silentMs: 200, budgetMs: 300 }, "look"],
  ["is held within the budget", { silentMs: 400, budgetMs: 300, lookedAgoMs: 200, actor: found(200) }, "wait"],
  ["is held beyond the budget", { silentMs: 500, budgetMs: 300, lookedAgoMs: 200, actor: found(300) }, "end"],
  ["is held within a long budget for long", { silentMs: 1200, budgetMs: 5000, actor: found(1000) }, "report"],
  ["is held by no actor beyond the budget", { silentMs: 5000, budgetMs: 300, reported: true, lookedAgoMs: 9 }, "wait"],
];

for (const [what, findings, judgement] of cases) {
  test(`a thread that ${what}: ${judgement}`, () => {
    assert.equal(runawayVerdict({ ...calm, ...findings }), judgement);
  });
}
