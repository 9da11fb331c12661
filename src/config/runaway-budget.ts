/**
 * `--runaway-budget`: what is done about an actor or task that computes and never awaits, and after which time.
 *
 *     off               nothing
 *     1s, kill:1s       an actor is ended; a task, which cannot be ended alone, is reported
 *     warn:1s           both are reported
 *     actors=kill:1s,tasks=off    each by itself; who is not named keeps its default
 */

import { parseDuration } from "./notation.ts";

export interface RunawayBudget {
  readonly action: "off" | "warn" | "kill";
  /** Means nothing if it is off. (Not `Infinity`: settings are sent as JSON.) */
  readonly afterMs: number;
}

export interface RunawayBudgets {
  readonly actors: RunawayBudget;
  readonly tasks: RunawayBudget;
}

/** A thread that shares its time well does not compute for as long at a stretch. Its beat is a tenth of a second. */
const MIN_MS = 100;
const DEFAULT_MS = 1000;

const OFF: RunawayBudget = { action: "off", afterMs: 0 };
const DEFAULTS: RunawayBudgets = {
  actors: { action: "kill", afterMs: DEFAULT_MS },
  tasks: { action: "warn", afterMs: DEFAULT_MS },
};

/** A text: why it is refused. undefined: it has another form. Pure. */
export function parseRunawayBudgets(raw: unknown): RunawayBudgets | string | undefined {
  if (typeof raw !== "string") return undefined;
  if (!raw.includes("=")) {
    const budget = parseBudget(raw);
    return typeof budget === "object" ? { actors: budget, tasks: asWarning(budget) } : budget;
  }
  let budgets = DEFAULTS;
  for (const part of raw.split(",")) {
    const [name = "", value = "", ...rest] = part.trim().split("=");
    if (rest.length > 0 || (name !== "actors" && name !== "tasks")) return undefined;
    const budget = parseBudget(value);
    if (typeof budget !== "object") return budget;
    if (name === "tasks" && budget.action === "kill")
      return `a task cannot be ended alone, because others go on beside it: write tasks=warn:${value.replace(/^kill:?/, "") || "1s"}`;
    budgets = { ...budgets, [name]: budget };
  }
  return budgets;
}

function parseBudget(text: string): RunawayBudget | string | undefined {
  if (text === "off") return OFF;
  if (text === "kill" || text === "warn") return { action: text, afterMs: DEFAULT_MS };
  const [, action = "kill", time] = /^(?:(kill|warn):)?(.*)$/.exec(text) ?? [];
  const afterMs = parseDuration(time);
  if (afterMs === undefined) return undefined;
  if (afterMs < MIN_MS) return `a runaway is found after ${MIN_MS} ms at the earliest`;
  return { action: action as "kill" | "warn", afterMs };
}

function asWarning({ action, afterMs }: RunawayBudget): RunawayBudget {
  return { action: action === "kill" ? "warn" : action, afterMs };
}
