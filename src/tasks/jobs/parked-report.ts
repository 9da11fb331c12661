/** The text about a program that ends because its tasks are parked. Pure. */

import { count } from "../../errors/count.ts";

export interface Parked {
  readonly id: string;
  /** Undefined: the main program. */
  readonly name: string | undefined;
  readonly thread: number;
  /** What it waits for: "receive", "lock" … */
  readonly where: string;
  readonly isCanceled: boolean;
  readonly forMs: number | undefined;
  readonly startedAt: string | undefined;
  /** The async functions that wait, the innermost first. */
  readonly parkedAt: readonly string[];
}

/** Tasks that differ in nothing but their ids are one entry. */
const MOST_ENTRIES = 50;

export function reportOfParked(parked: readonly Parked[]): string {
  const alike = new Map<string, Parked[]>();
  for (const each of parked) {
    const key = JSON.stringify([each.name, each.where, each.isCanceled, each.startedAt, each.parkedAt]);
    alike.set(key, [...(alike.get(key) ?? []), each]);
  }
  const entries = [...alike.values()];
  const more = entries.length - MOST_ENTRIES;
  return [
    `heddle: DEADLOCK: the program ends, because ${who(parked)} parked and nothing is left that could wake ${parked.length === 1 ? "it" : "them"}.`,
    ...entries.slice(0, MOST_ENTRIES).flatMap(entry),
    ...(more > 0 ? [`  … and ${more} more kinds`] : []),
    "  If a task may be parked at the end, call unref() on its handle. process.exit() ends without this report.",
    "",
  ].join("\n");
}

function who(parked: readonly Parked[]): string {
  const tasks = parked.filter(({ name }) => name !== undefined).length;
  const those = `its ${tasks === 1 ? "task" : count(tasks, "task")}`;
  if (tasks < parked.length) return `it and ${those} are`;
  return `${those} ${tasks === 1 ? "is" : "are"}`;
}

function entry(alike: readonly Parked[]): string[] {
  const { name, thread, where, isCanceled, forMs, startedAt, parkedAt } = alike[0]!;
  const ids = alike.length > 1 ? ` × ${alike.length}` : "";
  const what = name === undefined ? "the main program" : `the task "${name}"${ids}`;
  const since = forMs === undefined ? "" : `, for ${duration(forMs)}`;
  const canceled = isCanceled ? "cancelled, " : "";
  return [
    `  ${what}: ${canceled}${where}${since}${name === undefined ? "" : `, on thread ${thread}`}`,
    ...parkedAt.map((frame) => `    parked at ${frame}`),
    ...(startedAt === undefined ? [] : [`    started at ${startedAt}`]),
  ];
}

function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
