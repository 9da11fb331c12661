import assert from "node:assert/strict";
import { test } from "node:test";
import { type BudgetPlan, DEFAULT_BUDGET_MS, planBudget, sweepTime } from "../../../src/tune/sweep/budget.ts";

const ordinary = { shapes: 1, isGiven: false, routes: 1, hasSlo: false };

function total(plan: BudgetPlan): number {
  const { auditMs, profileMs, shapes, sweepMs, bootMs, warmUpMs, confirmMs } = plan;
  const boots = shapes > 1 ? 2 : 1;
  return auditMs + profileMs + boots * bootMs + shapes * (sweepMs + bootMs + warmUpMs) + 3 * confirmMs;
}

test("the stages take the whole budget and not more", () => {
  for (const budgetMs of [20_000, 60_000, DEFAULT_BUDGET_MS, 600_000]) {
    for (const shapes of [1, 2, 6]) {
      const plan = planBudget({ ...ordinary, budgetMs, shapes, isGiven: true });
      assert.ok(Math.abs(total(plan) - budgetMs) < 1, `${total(plan)} of ${budgetMs}`);
    }
  }
});

test("the default is under three minutes and has room for three shapes", () => {
  assert.ok(DEFAULT_BUDGET_MS < 180_000);
  assert.ok(planBudget({ ...ordinary, budgetMs: DEFAULT_BUDGET_MS, shapes: 3 }).shapes === 3);
});

test("of several candidates only as many are measured as get a sweep that is long enough", () => {
  assert.equal(planBudget({ ...ordinary, budgetMs: 60_000, shapes: 4 }).shapes, 1);
  assert.equal(planBudget({ ...ordinary, budgetMs: 80_000, shapes: 4 }).shapes, 2);
  assert.equal(planBudget({ ...ordinary, budgetMs: 600_000, shapes: 4 }).shapes, 4);
});

test("shapes that the user has named are all measured", () => {
  assert.equal(planBudget({ ...ordinary, budgetMs: 60_000, shapes: 4, isGiven: true }).shapes, 4);
});

test("more time makes windows longer, an SLO makes them shorter", () => {
  const short = planBudget({ ...ordinary, budgetMs: 60_000 });
  const long = planBudget({ ...ordinary, budgetMs: 120_000 });
  assert.ok(long.windowMs > short.windowMs);
  assert.ok(planBudget({ ...ordinary, budgetMs: 60_000, hasSlo: true }).windowMs < short.windowMs);
});

test("what a stage leaves goes to the sweeps that follow, and the confirmation keeps its time", () => {
  const plan = planBudget({ ...ordinary, budgetMs: 100_000, shapes: 2, isGiven: true });
  const { bootMs, warmUpMs, confirmMs } = plan;
  assert.equal(sweepTime(60_000, 2, plan), (60_000 - bootMs - 3 * confirmMs) / 2 - bootMs - warmUpMs);
  assert.equal(sweepTime(30_000, 1, plan), 30_000 - bootMs - 3 * confirmMs - bootMs - warmUpMs);
  assert.equal(sweepTime(100, 1, plan), 0);
});
