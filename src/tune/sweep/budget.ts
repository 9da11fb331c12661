/**
 * Divides the time of one tune among its stages. Pure.
 *
 *     audit → profile → sweep of each shape → open-loop confirmation of the best → answer
 *
 * A sweep below SWEEP_LEAST_MS has windows too short for an answer, so with little time fewer shapes are measured: those that the
 * profile favours. What a stage leaves goes to the next one; the sweep of the last shape takes all that is left.
 */

export interface BudgetRequest {
  readonly budgetMs: number;
  /** Candidates, the most promising first. */
  readonly shapes: number;
  /** Each is measured, however short the sweeps get: the user has asked for them. */
  readonly isGiven: boolean;
  readonly routes: number;
  /** An SLO search adds levels. */
  readonly hasSlo: boolean;
}

export interface BudgetPlan {
  readonly auditMs: number;
  /** For one request at a time, all routes. */
  readonly profileMs: number;
  /** How many of the candidates are measured. */
  readonly shapes: number;
  /** Of each shape: without its boot. */
  readonly sweepMs: number;
  /** Expected, for each shape. */
  readonly bootMs: number;
  /** Load before the sweep, until the code is compiled. */
  readonly warmUpMs: number;
  /** Each of the open-loop windows. */
  readonly confirmMs: number;
  /** Measured time of a window of the sweep, at least. */
  readonly windowMs: number;
}

export const DEFAULT_BUDGET_MS = 150_000;

/** The shortest that gives an answer: eight levels, five windows of a quarter of a second each. */
export const SHORTEST_BUDGET_MS = 20_000;

const SWEEP_LEAST_MS = 25_000;
const BOOT_MS = 1500;
const CONFIRMATIONS = 3;

/** Levels of an ordinary sweep: ten rungs, and four around the corner. */
const LEVELS = 10;
const LEVELS_OF_SLO = 4;
const REPETITIONS = 5;

/** Of a window's time; the rest is its warm-up, and connections that open. */
const MEASURED_SHARE = 0.7;

/** Half a second at N = 1 is enough for a server that answers in 10 ms; slower answers make a window longer (window.ts). */
const SHORTEST_WINDOW_MS = 250;
const LONGEST_WINDOW_MS = 1500;

export function planBudget({ budgetMs, shapes, isGiven, routes, hasSlo }: BudgetRequest): BudgetPlan {
  const auditMs = clamp(budgetMs * 0.02, 500, 2000);
  const profileMs = clamp(budgetMs * 0.04, 1000, 2500) * Math.min(4, Math.max(1, routes));
  const confirmMs = clamp(budgetMs * 0.015, 500, 3000);
  const warmUpMs = clamp(budgetMs * 0.01, 300, 1500);
  // One for the profile, and one for the best of several shapes, which is confirmed at the end.
  const boots = shapes > 1 ? 2 : 1;
  const left = budgetMs - auditMs - profileMs - boots * BOOT_MS - CONFIRMATIONS * confirmMs;
  const each = BOOT_MS + warmUpMs;
  const affordable = Math.max(1, Math.floor(left / (SWEEP_LEAST_MS + each)));
  const measured = isGiven ? shapes : Math.min(shapes, affordable);
  const sweepMs = Math.max(0, left / Math.max(1, measured) - each);
  const windows = (LEVELS + (hasSlo ? LEVELS_OF_SLO : 0)) * REPETITIONS;
  return {
    auditMs,
    profileMs,
    shapes: measured,
    sweepMs,
    bootMs: BOOT_MS,
    warmUpMs,
    confirmMs,
    windowMs: Math.round(clamp((sweepMs * MEASURED_SHARE) / windows, SHORTEST_WINDOW_MS, LONGEST_WINDOW_MS)),
  };
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}

/** Of the time that is left, for the sweep of the next shape. `shapesLeft`: with it. */
export function sweepTime(leftMs: number, shapesLeft: number, plan: BudgetPlan): number {
  const { shapes, bootMs, warmUpMs, confirmMs } = plan;
  const reserved = CONFIRMATIONS * confirmMs + (shapes > 1 ? bootMs : 0);
  return Math.max(0, (leftMs - reserved) / shapesLeft - bootMs - warmUpMs);
}
