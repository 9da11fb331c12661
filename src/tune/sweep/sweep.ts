/**
 * Drives a sweep: asks the policy (next-step.ts) for a window, has it measured, until the policy or the budget ends it.
 *
 * A window that fails ends the sweep. What was measured before is kept: it may be enough for an answer.
 */

import type { Level, Sample } from "../types.ts";
import { bad, isPositive, isWholePositive } from "../estimate/input.ts";
import { toLevels } from "./levels.ts";
import { nextStep, type Purpose, type SweepEnd, type SweepRules } from "./next-step.ts";
import type { Window } from "./window.ts";

export interface WantedWindow extends Window {
  readonly repetition: number;
  readonly purpose: Purpose;
}

export interface SweepOptions {
  /** Measures one window of a closed loop. */
  readonly measure: (window: WantedWindow) => Promise<Sample>;
  readonly budgetMs: number;
  /** What is not given has the default of `DEFAULT_RULES`. */
  readonly rules?: Partial<SweepRules>;
  /** Called after each window with what it gave, and the time left. */
  readonly onSample?: (sample: Sample, window: WantedWindow, leftMs: number) => void;
  /** Ends the sweep after the window that runs. */
  readonly signal?: AbortSignal;
  /** For tests. */
  readonly nowMs?: () => number;
  readonly random?: () => number;
}

export interface SweepResult {
  readonly levels: readonly Level[];
  /** Why it ended: the ladder was complete (`flat` is the only end with a knee), or the time was over, or a window failed. */
  readonly end: SweepEnd | "aborted" | "failed";
  /** Of the window that failed. */
  readonly error?: unknown;
}

export const DEFAULT_RULES: SweepRules = { repetitions: 5, largest: 4096, windowMs: 500 };

/** @throws HeddleError TUNE_INPUT */
export async function sweep(options: SweepOptions): Promise<SweepResult> {
  const { measure, budgetMs, onSample, signal, random = Math.random, nowMs = () => performance.now() } = options;
  const rules: SweepRules = { ...DEFAULT_RULES, ...options.rules };
  check(budgetMs, rules);
  const endMs = nowMs() + budgetMs;
  const samples: Sample[] = [];
  for (;;) {
    if (isAborted(signal)) return { levels: toLevels(samples), end: "aborted" };
    const step = nextStep(samples, endMs - nowMs(), rules, random);
    if (step.kind === "end") return { levels: toLevels(samples), end: step.why };
    const { kind: _, ...window } = step;
    try {
      const sample = await measure(window);
      samples.push(sample);
      onSample?.(sample, window, endMs - nowMs());
    } catch (error) {
      return isAborted(signal)
        ? { levels: toLevels(samples), end: "aborted" }
        : { levels: toLevels(samples), end: "failed", error };
    }
  }
}

function check(budgetMs: number, { repetitions, largest, windowMs, sloP95Ms }: SweepRules): void {
  if (!(budgetMs >= 0)) throw bad("budgetMs", budgetMs, "a number of ms, at least 0");
  for (const [name, value] of Object.entries({ repetitions, largest })) {
    if (!isWholePositive(value)) throw bad(`rules.${name}`, value, "a whole number, at least 1");
  }
  if (!isPositive(windowMs)) throw bad("rules.windowMs", windowMs, "a finite number of ms above 0");
  if (sloP95Ms !== undefined && !isPositive(sloP95Ms)) {
    throw bad("rules.sloP95Ms", sloP95Ms, "a finite number of ms above 0");
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}
