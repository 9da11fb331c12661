/** Tasks and actors that do the same are one line for people, with their number. Pure. */

import { oldest } from "./unit-counts.ts";

export interface UnitView {
  /** `worker`: a server (genServer, genStatem). */
  readonly kind: "task" | "actor" | "worker" | "supervisor";
  /** Of a request's task or actor: its method and route. */
  readonly name: string | undefined;
  readonly state: "runnable" | "running" | "parked";
  /** What it waits for: "receive", "mutex" … */
  readonly where?: string | undefined;
  /** The async functions of the program that wait, the innermost first: `function (file:line:column)`. Undefined: not looked at. */
  readonly parkedAt?: readonly string[] | undefined;
  readonly startedAt?: string | undefined;
  /** Since when it is in this state. */
  readonly forMs?: number | undefined;
  readonly messages?: number;
  readonly oldestMessageMs?: number | undefined;
  /** Of a supervisor: children that it has restarted. */
  readonly restarts?: number;
}

export interface UnitGroup extends UnitView {
  readonly count: number;
  /** Of the one that is in this state for the longest time. */
  readonly forMs: number | undefined;
  /** In all of their mailboxes. */
  readonly messages: number;
  readonly longestMailbox: number;
  readonly restarts: number;
}

/** The largest groups first; before them the actors with long mailboxes. */
export function groupUnits(units: readonly UnitView[]): UnitGroup[] {
  const groups = new Map<string, UnitGroup>();
  for (const unit of units) {
    const { kind, name, state, where, parkedAt, startedAt } = unit;
    const key = JSON.stringify([kind, name, state, where, parkedAt, startedAt]);
    const group = groups.get(key);
    groups.set(key, group === undefined ? groupOf(unit) : joined(group, unit));
  }
  return [...groups.values()].sort((a, b) => b.longestMailbox - a.longestMailbox || b.count - a.count);
}

function groupOf(unit: UnitView): UnitGroup {
  const { forMs, messages = 0, restarts = 0 } = unit;
  return { ...unit, count: 1, forMs, messages, longestMailbox: messages, restarts };
}

function joined(group: UnitGroup, unit: UnitView): UnitGroup {
  const { messages = 0, restarts = 0 } = unit;
  return {
    ...group,
    count: group.count + 1,
    forMs: oldest(group.forMs, unit.forMs),
    messages: group.messages + messages,
    longestMailbox: Math.max(group.longestMailbox, messages),
    oldestMessageMs: oldest(group.oldestMessageMs, unit.oldestMessageMs),
    restarts: group.restarts + restarts,
  };
}
