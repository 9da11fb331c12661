/** Tasks and actors as people read them: in status and threads, as trees, and those that are leaked. */

import type { ObservedNode } from "../actors/inspect/observed-tree.ts";
import { count } from "../errors/count.ts";
import type { UnitCounts } from "../runtime/watch/unit-counts.ts";
import type { UnitGroup } from "../runtime/watch/unit-groups.ts";
import type { UnitLeak } from "../runtime/watch/watchers.ts";
import type { UnitsStatus } from "../server/control/status.ts";
import type { LeakView, ThreadUnits, TreeView } from "../server/worker/report/unit-views.ts";
import { duration, table } from "./text.ts";

export function formatUnits({ total, threads, runaways }: UnitsStatus): string[] {
  const ended = runaways === 0 ? "" : `, ${count(runaways, "runaway")} ended`;
  return [
    tasksLine(total),
    `${actorsLine(total)}, ${count(total.restarts, "restart")} by supervisors${ended}`,
    "",
    table(
      [
        "WORKER",
        "THREAD",
        "TASKS",
        "PARKED",
        "NOT BEGUN",
        "ACTORS",
        "PARKED",
        "RUNNABLE",
        "MESSAGES",
        "LONGEST",
        "OLDEST",
        "RESTARTS",
      ],
      threads.map(({ worker, thread, counts }) => [
        worker,
        thread,
        counts.tasks,
        counts.parkedTasks,
        counts.queuedTasks,
        counts.actors,
        counts.parkedActors,
        counts.runnableActors,
        counts.messages,
        counts.longestMailbox,
        counts.oldestMessageMs === undefined ? "-" : duration(counts.oldestMessageMs),
        counts.restarts,
      ]),
    ),
  ];
}

function tasksLine({ tasks, parkedTasks, queuedTasks }: UnitCounts): string {
  return `tasks: ${tasks} alive, ${parkedTasks} parked, ${queuedTasks} not begun`;
}

function actorsLine({
  actors,
  parkedActors,
  runnableActors,
  messages,
  longestMailbox,
  oldestMessageMs,
}: UnitCounts): string {
  const age = oldestMessageMs === undefined ? "" : `, the oldest ${duration(oldestMessageMs)} old`;
  const longest = messages === 0 ? "" : ` (the longest mailbox has ${longestMailbox}${age})`;
  return `actors: ${actors} alive, ${parkedActors} parked, ${runnableActors} runnable, ${count(messages, "message")}${longest}`;
}

/** Below the line of their thread. */
export function formatThreadUnits({ counts, groups, more }: ThreadUnits): string[] {
  const lines: string[] = [];
  if (counts.tasks > 0) lines.push(`  ${tasksLine(counts)}`);
  if (counts.actors > 0) lines.push(`  ${actorsLine(counts)}`);
  if (groups === undefined) return [...lines, "  (it does not answer: these are its last counts)"];
  lines.push(...groups.flatMap(formatGroup));
  return more === 0 ? lines : [...lines, `  … and ${more} more, which were not looked at`];
}

function formatGroup(group: UnitGroup): string[] {
  const { kind, name, messages, oldestMessageMs, restarts, parkedAt, startedAt } = group;
  const facts = [
    `${KINDS[kind]}${name === undefined ? "" : ` ${name}`}${times(group.count)}`,
    stateOf(group),
    messages === 0 ? "" : mailbox(messages, oldestMessageMs),
    restarts === 0 ? "" : count(restarts, "restart"),
  ];
  return [
    `  ${facts.filter(Boolean).join("  ")}`,
    ...(parkedAt ?? []).map((frame) => `    at ${pathIn(frame)}`),
    ...(startedAt === undefined ? [] : [`    started at ${pathIn(startedAt)}`]),
  ];
}

const KINDS = { task: "task", actor: "actor", worker: "server", supervisor: "supervisor" } as const;

function times(number: number): string {
  return number === 1 ? "" : ` × ${number}`;
}

function stateOf({ kind, state, where, forMs, count: number }: UnitGroup): string {
  const since = forMs === undefined ? "" : ` for ${number === 1 ? "" : "up to "}${duration(forMs)}`;
  if (state === "parked") return `parked in ${where ?? "a wait"}${since}`;
  if (state === "running") return `running, or awaits another promise${since}`;
  return `${kind === "task" ? "not begun" : "waits for its turn"}${since}`;
}

function mailbox(messages: number, oldestMessageMs: number | undefined): string {
  const age = oldestMessageMs === undefined ? "" : `, the oldest ${duration(oldestMessageMs)} old`;
  return `${count(messages, "message")}${age}`;
}

/** A file's path, where a stack has its URL. */
function pathIn(frame: string): string {
  return frame.replace(/file:\/\/(\/[^\s)]*)/, (_all, path: string) => decodeURI(path));
}

export function formatTrees(views: readonly TreeView[]): string {
  if (views.length === 0) return "no supervisors";
  return views
    .flatMap(({ worker, thread, blockedMs, trees }) => [
      `worker ${worker} ${thread}${trees === undefined ? silence(blockedMs) : ""}`,
      ...(trees ?? []).flatMap((node) => formatNode(node, "  ", "  ")),
    ])
    .join("\n");
}

function silence(blockedMs: number): string {
  return blockedMs > 0 ? `: BLOCKED for ${duration(blockedMs)}` : ": does not answer";
}

function formatNode(node: ObservedNode, first: string, rest: string): string[] {
  const { children, moreChildren } = node;
  const below: string[][] = [];
  const isLast = (place: number): boolean => place === children.length - 1 && moreChildren === 0;
  for (const [place, child] of children.entries()) {
    below.push(formatNode(child, `${rest}${isLast(place) ? "└─ " : "├─ "}`, `${rest}${isLast(place) ? "   " : "│  "}`));
  }
  if (moreChildren > 0) below.push([`${rest}└─ … and ${moreChildren} more`]);
  return [`${first}${nodeText(node)}`, ...below.flat()];
}

function nodeText({
  path,
  name,
  label,
  pid,
  kind,
  status,
  mailboxLength,
  oldestMessageMs,
  restarts,
}: ObservedNode): string {
  const place = path?.split("/").at(-1);
  const own = name ?? label;
  const called = place === undefined ? (own ?? pid) : own === undefined || own === place ? place : `${place} (${own})`;
  const facts = [
    called === pid ? pid : `${called} ${pid}`,
    KINDS[kind],
    status,
    mailboxLength === 0 ? "" : mailbox(mailboxLength, oldestMessageMs),
    restarts === 0 ? "" : count(restarts, "restart"),
  ];
  return facts.filter(Boolean).join("  ");
}

export function formatLeaks(views: readonly LeakView[]): string {
  if (views.length === 0) return "nothing to look at: the app uses neither heddle/tasks nor heddle/actors";
  const all = views.flatMap(({ leaks }) => leaks ?? []);
  return [
    ...views.flatMap(({ worker, thread, blockedMs, leaks }) => {
      if (leaks === undefined) return [`worker ${worker} ${thread}${silence(blockedMs)}, and was not looked at`];
      return leaks.length === 0 ? [] : [`worker ${worker} ${thread}`, ...leakLines(leaks)];
    }),
    all.length === 0 ? "no leaks" : summary(all),
  ].join("\n");
}

function summary(leaks: readonly UnitLeak[]): string {
  const tasks = leaks.filter(({ kind }) => kind === "task").length;
  const found = [count(tasks, "task"), count(leaks.length - tasks, "actor")].filter((text) => !text.startsWith("0 "));
  return `${found.join(" and ")} leaked: nobody could wake them any more. They were forgotten, and their memory is free`;
}

function leakLines(leaks: readonly UnitLeak[]): string[] {
  const alike = Map.groupBy(leaks, ({ kind, name, where, startedAt }) =>
    JSON.stringify([kind, name, where, startedAt]),
  );
  return [...alike.values()].flatMap((some) => {
    const { kind, name, where, startedAt } = some[0]!;
    const since = Math.min(...some.map((leak) => leak.since ?? Infinity));
    const age =
      since === Infinity ? "" : ` for ${some.length === 1 ? "" : "up to "}${duration(Math.max(0, Date.now() - since))}`;
    return [
      `  ${KINDS[kind]}${name === undefined ? "" : ` ${name}`}${times(some.length)}  parked in ${where ?? "a promise that nobody settles"}${age}`,
      ...(startedAt === undefined ? [] : [`    started at ${pathIn(startedAt)}`]),
    ];
  });
}
