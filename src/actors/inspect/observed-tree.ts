/**
 * What `observe` and `heddle threads --tree` show of actors, and how the answers of several threads become trees. Pure, so that a
 * thread without actors can use it.
 */

import type { Status } from "../process/process.ts";

export interface ObservedThread {
  readonly thread: number;
  /** False: it did not answer in time; nothing else is known of it. */
  readonly responds: boolean;
  readonly actors: number;
  /** Actors that wait for their turn. */
  readonly runnable: number;
  /** Messages in all mailboxes. */
  readonly messages: number;
  /** The age of the oldest of them. */
  readonly oldestMessageMs: number | undefined;
  /** Children that the thread's supervisors have restarted since it began. */
  readonly restarts: number;
}

export interface ObservedActor {
  /** As text: `<thread.number>`. */
  readonly pid: string;
  readonly name: string | undefined;
  /** The name of its function. */
  readonly label: string | undefined;
  /** Its place in the tree: `app/rooms/lobby`. */
  readonly path: string | undefined;
  readonly kind: "actor" | "worker" | "supervisor";
  readonly status: Exclude<Status, "dead">;
  readonly mailboxLength: number;
  /**
   * How long the oldest message in the mailbox has waited, at most. (The arrival of every 64th message is noted, and of each
   * that comes into an empty mailbox.) Undefined if there is none.
   */
  readonly oldestMessageMs: number | undefined;
  readonly turns: number;
  readonly runTimeMs: number;
  /** Of a supervisor: how many children it has restarted. */
  readonly restarts: number;
}

export interface ObservedNode extends ObservedActor {
  /** Actors that were spawned with a link to it, as far as they are described. */
  readonly children: readonly ObservedNode[];
  /** How many children are beyond the limit. */
  readonly moreChildren: number;
}

export interface Observation {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly threads: readonly ObservedThread[];
  /** The supervisors that no supervisor has started, with all below them. */
  readonly trees: readonly ObservedNode[];
  /** The actors with the longest mailboxes, longest first, in a tree or not. */
  readonly longestMailboxes: readonly ObservedActor[];
}

/** What a thread answers. */
export interface Look {
  readonly thread: ObservedThread;
  readonly actors: readonly (ObservedActor & { readonly parent: string | undefined })[];
  /** How many children each actor has on this thread, by its pid. */
  readonly children: readonly (readonly [parent: string, count: number])[];
}

/** Trees from what each actor says about its parent. */
export function treesOf(looks: readonly Look[]): ObservedNode[] {
  const counts = new Map<string, number>();
  for (const [parent, count] of looks.flatMap(({ children }) => children)) {
    counts.set(parent, (counts.get(parent) ?? 0) + count);
  }
  const byParent = Map.groupBy(
    looks.flatMap((look) => look.actors),
    ({ parent }) => parent,
  );
  const nodeOf = ({ parent: _parent, ...actor }: Look["actors"][number]): ObservedNode => {
    const children = (byParent.get(actor.pid) ?? []).map(nodeOf);
    return { ...actor, children, moreChildren: Math.max(0, (counts.get(actor.pid) ?? 0) - children.length) };
  };
  const known = new Set(looks.flatMap((look) => look.actors.map(({ pid }) => pid)));
  return looks
    .flatMap((look) => look.actors)
    .filter(({ kind, path, parent }) => kind === "supervisor" && (path === undefined || !known.has(parent!)))
    .map(nodeOf);
}

export function byLength(a: ObservedActor, b: ObservedActor): number {
  return b.mailboxLength - a.mailboxLength;
}
