import assert from "node:assert/strict";
import { test } from "node:test";
import { judge, type Findings, type Judgement } from "../../src/fabric/watchdog.ts";

const calm: Findings = {
  silentMs: 0,
  reported: false,
  seenForMs: undefined,
  isOrdered: false,
  budgetMs: Infinity,
};

const cases: readonly (readonly [what: string, findings: Partial<Findings>, judgement: Judgement])[] = [
  ["turns", {}, "wait"],
  ["turns, and somebody is to be ended there: it hears of that itself", { isOrdered: true }, "wait"],
  ["has stood still for less than a beat or two", { silentMs: 150, isOrdered: true }, "wait"],
  ["stands still, and somebody is to be ended there", { silentMs: 200, isOrdered: true }, "end"],
  ["stands still, and there is no budget", { silentMs: 999 }, "wait"],
  ["has stood still for a second", { silentMs: 1000 }, "report"],
  ["was reported", { silentMs: 5000, reported: true }, "wait"],
  ["stands still, and there is a budget", { silentMs: 200, budgetMs: 300 }, "look"],
  ["was looked at, and the budget is not spent", { silentMs: 400, budgetMs: 300, seenForMs: 200 }, "wait"],
  ["was looked at, and the budget is spent", { silentMs: 500, budgetMs: 300, seenForMs: 300 }, "end"],
  ["is within a long budget for long", { silentMs: 1200, budgetMs: 5000, seenForMs: 1000 }, "report"],
];

for (const [what, findings, judgement] of cases) {
  test(`a thread that ${what}: ${judgement}`, () => {
    assert.equal(judge({ ...calm, ...findings }), judgement);
  });
}
