/**
 * The whole program as data: its threads, its trees of supervisors, and the actors with the longest mailboxes.
 *
 * No actor is asked anything, so one that is stuck is shown as well. Each thread is asked once, and looks at its own actors; a
 * thread that does not answer in time is shown as one that does not respond. The answers are not from one instant.
 */

import { MAX_TIMER_MS, setTimeout } from "../../kit/native-timers.ts";
import { invalid, mustBeDuration, mustBeOptions } from "../arguments/arguments.ts";
import { ask, onQuestion, otherThreads, thisThread } from "../messaging/remote.ts";
import { processes, type Process } from "../process/process.ts";
import {
  byLength,
  treesOf,
  type Look,
  type Observation,
  type ObservedActor,
  type ObservedThread,
} from "./observed-tree.ts";
import { restartsHere } from "./supervisor-reports.ts";
import { pathBelow, pathText } from "./tree-path.ts";

export interface ObserveOptions {
  /** How many actors that are not supervisors each thread describes: those with the longest mailboxes. Default 100. */
  readonly limit?: number;
  /** How long a thread may take to answer. Default 1000. */
  readonly timeoutMs?: number;
}

/**
 * Looks at all threads: the trees of supervisors, the lengths of mailboxes, the ages of the oldest messages. The result is plain
 * data, for JSON too. It takes some milliseconds for each 100,000 actors, on each thread.
 *
 * @throws ACTOR_INVALID
 */
export async function observe(options: ObserveOptions = {}): Promise<Observation> {
  mustBeOptions(options, "the options of observe()", "{ limit: 100 }");
  const { limit = 100, timeoutMs = 1000 } = options;
  if (typeof limit !== "number" || !(limit >= 0)) {
    throw invalid("the option `limit` of observe()", "a number, 0 or more", limit);
  }
  mustBeDuration(timeoutMs, "the option `timeoutMs` of observe()");
  const atMs = Date.now();
  const looks = await Promise.all([thisThread, ...otherThreads()].map((thread) => lookAt(thread, limit, timeoutMs)));
  const actors = looks.flatMap((look) => look.actors);
  const longest = actors
    .filter(({ mailboxLength }) => mailboxLength > 0)
    .sort(byLength)
    .slice(0, limit);
  return {
    atMs,
    threads: looks.map(({ thread }) => thread),
    trees: treesOf(looks),
    longestMailboxes: longest.map(({ parent: _parent, ...actor }) => actor),
  };
}

async function lookAt(thread: number, limit: number, timeoutMs: number): Promise<Look> {
  const silent: Look = {
    thread: { thread, responds: false, actors: 0, runnable: 0, messages: 0, oldestMessageMs: undefined, restarts: 0 },
    actors: [],
    children: [],
  };
  // A thread that ends meanwhile does not respond either.
  const answer = (ask(thread, "observe", limit) as Promise<Look>).catch(() => silent);
  if (thread === thisThread || timeoutMs === Infinity) return await answer;
  const late = Promise.withResolvers<Look>();
  const timer = setTimeout(() => late.resolve(silent), Math.min(timeoutMs, MAX_TIMER_MS));
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

onQuestion("observe", (_from: number, limit: number): Look => lookHere(limit));

export function lookHere(limit: number): Look {
  const children = new Map<string, number>();
  const supervisors: Process[] = [];
  const others: Process[] = [];
  let [runnable, messages, oldest] = [0, 0, 0];
  for (const process of processes) {
    const { extra, mailbox, status } = process;
    const parent = process.parent?.toString();
    if (parent !== undefined) children.set(parent, (children.get(parent) ?? 0) + 1);
    if (status === "runnable" || status === "starting") runnable += 1;
    messages += mailbox?.length ?? 0;
    oldest = Math.max(oldest, mailbox?.oldestAgeMs() ?? 0);
    if (extra?.kind === "supervisor") supervisors.push(process);
    else others.push(process);
  }
  const thread: ObservedThread = {
    thread: thisThread,
    responds: true,
    actors: processes.length,
    runnable,
    messages,
    oldestMessageMs: messages > 0 ? oldest : undefined,
    restarts: restartsHere(),
  };
  const described = [...supervisors, ...longestOf(others, limit)].map((process) => ({
    ...describe(process),
    parent: process.parent?.toString(),
  }));
  return { thread, actors: described, children: [...children] };
}

/** Those with the longest mailboxes; if mailboxes are equally long, those in a tree go before others. */
function longestOf(actors: readonly Process[], limit: number): Process[] {
  if (actors.length <= limit) return [...actors];
  const rank = ({ mailbox, extra }: Process): number =>
    (mailbox?.length ?? 0) * 2 + (extra?.place === undefined ? 0 : 1);
  return actors.toSorted((a, b) => rank(b) - rank(a)).slice(0, limit);
}

function describe(process: Process): ObservedActor {
  const { extra, mailbox, status, turns, runMicros } = process;
  const path = pathBelow(process, extra);
  return {
    pid: process.toString(),
    name: extra?.name,
    label: process.label,
    path: path && pathText(path),
    kind: extra?.kind ?? "actor",
    status: status as ObservedActor["status"],
    mailboxLength: mailbox?.length ?? 0,
    oldestMessageMs: mailbox?.oldestAgeMs(),
    turns,
    runTimeMs: runMicros / 1000,
    restarts: extra?.restarts ?? 0,
  };
}
