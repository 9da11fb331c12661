/** The home of tables, on their owners' thread: performs all writes and tells the threads that have a copy. And on the root: which
 * thread is the home of which table.
 */

import { HeddleError } from "../../errors/errors.ts";
import { pack, type Packed } from "../../runtime/copy/message-packing.ts";
import { root } from "../across/own-worker.ts";
import { ask, onMessage, onQuestion, onThreadGone, post, thisThread } from "../messaging/remote.ts";
import { Signal } from "../messaging/signal.ts";
import { beforeExitSignals } from "../process/exit-signals.ts";
import type { Pid } from "../process/pid.ts";
import type { Process } from "../process/process.ts";
import { rareFieldsOf } from "../process/rare-fields.ts";
import { apply, forget, keep, type Access, type Change, type Copy, type Key } from "./copies.ts";

/** In the mailbox of an heir. */
export class TableMessage extends Signal {
  readonly type = "TABLE";
  /** The table's name. */
  readonly table: string;
  /** The actor that had it. */
  readonly from: Pid;
  constructor(table: string, from: Pid) {
    super();
    this.table = table;
    this.from = from;
  }
}

type Write =
  | readonly ["set" | "insertNew", Key, Packed]
  | readonly ["delete", Key]
  | readonly ["add", Key, number]
  | readonly ["clear"];

interface Home {
  readonly copy: Copy;
  owner: Process;
  heir: Process | undefined;
  /** Other threads that have a copy. */
  readonly readers: Set<number>;
}

const homes: Map<string, Home> = new Map();
let lastNumber = 0;

export function openHome(name: string, access: Access, owner: Process, heir: Process | undefined): Copy {
  const copy: Copy = { name, home: thisThread, number: ++lastNumber, access, map: new Map(), isGone: false };
  const home: Home = { copy, owner, heir, readers: new Set() };
  homes.set(name, home);
  keep(copy);
  if (owner.status === "dead") handOn(home, owner);
  else rareFieldsOf(owner);
  return copy;
}

/** Its owner has exited. */
function handOn(home: Home, from: Process): void {
  const { heir, copy, readers } = home;
  if (heir !== undefined && heir.status !== "dead") {
    home.owner = heir;
    home.heir = undefined;
    rareFieldsOf(heir);
    heir.deliverSignal(new TableMessage(copy.name, from));
    return;
  }
  homes.delete(copy.name);
  forget(copy);
  for (const thread of readers) post(thread, ["tableGone", copy.name, copy.number]);
  if (thisThread === root) unclaim(thisThread, copy.name);
  else post(root, ["tableUnclaim", copy.name]);
}

beforeExitSignals((process) => {
  if (homes.size === 0) return;
  for (const home of homes.values()) if (home.owner === process) handOn(home, process);
});

onQuestion("tableOpen", (from: number, name: string) => {
  const home = homes.get(name);
  if (home === undefined) return false;
  if (from === thisThread || home.readers.has(from)) return true;
  const { map, number, access } = home.copy;
  const changes = [...map].map(([key, value]): Change => ["set", key, pack(value)]);
  home.readers.add(from);
  post(from, ["tableCopy", name, number, access, changes]);
  return true;
});

onQuestion("tableWrite", async (from: number, name: string, number: number, write: Write, everywhere: boolean) => {
  const home = homes.get(name);
  if (home?.copy.number !== number) return undefined;
  const { value, change } = perform(home.copy.map, write);
  if (change !== undefined) {
    if (hasReferences(change)) {
      apply(home.copy, change);
      for (const thread of home.readers) post(thread, ["tableChange", name, number, packedAnew(home.copy, change)]);
    } else {
      apply(home.copy, copied(change));
      for (const thread of home.readers) post(thread, ["tableChange", name, number, change]);
    }
    // Whoever writes has the change before the answer. Others answer when they have it.
    const others = [...home.readers].filter((thread) => thread !== from);
    if (everywhere) await Promise.allSettled(others.map((thread) => ask(thread, "ping")));
  }
  return { value };
});

/** Unpacking changes what is unpacked, and freezing what is stored, so the home needs its own. */
function copied(change: Change): Change {
  return change[0] === "set" ? structuredClone(change) : change;
}

/** The home of a channel or a lock counts the references to it: each is unpacked once. */
function hasReferences(change: Change): boolean {
  return change[0] === "set" && change[2].markers !== undefined;
}

function packedAnew({ map }: Copy, change: Change): Change {
  return change[0] === "set" ? ["set", change[1], pack(map.get(change[1]))] : change;
}

function perform(map: ReadonlyMap<Key, unknown>, write: Write): { value: unknown; change?: Change } {
  switch (write[0]) {
    case "set":
      return { value: undefined, change: ["set", write[1], write[2]] };
    case "insertNew":
      return map.has(write[1]) ? { value: false } : { value: true, change: ["set", write[1], write[2]] };
    case "delete":
      return map.has(write[1]) ? { value: true, change: ["delete", write[1]] } : { value: false };
    case "clear":
      return { value: undefined, change: ["clear"] };
    default: {
      const before = map.get(write[1]) ?? 0;
      if (typeof before !== "number") {
        throw new HeddleError(
          "ACTOR_INVALID",
          `add() needs a number at ${JSON.stringify(write[1])}, and found ${typeof before}.`,
        );
      }
      const value = before + write[2];
      return { value, change: ["set", write[1], { value }] };
    }
  }
}

onThreadGone((gone) => {
  for (const { readers } of homes.values()) readers.delete(gone);
});

// On the root

/** The home of each table. */
const places: Map<string, number> = new Map();

onQuestion("tableClaim", async (_from: number, name: string, thread: number) => {
  const holder = places.get(name);
  if (holder !== undefined) {
    // The news that it is gone may be on its way.
    if (holder !== thisThread) await Promise.allSettled([ask(holder, "ping")]);
    if (places.has(name)) return false;
  }
  places.set(name, thread);
  return true;
});

onQuestion("tableHome", (_from: number, name: string) => places.get(name));

function unclaim(thread: number, name: string): void {
  if (places.get(name) === thread) places.delete(name);
}

onMessage("tableUnclaim", unclaim);

onThreadGone((gone) => {
  for (const [name, thread] of places) if (thread === gone) places.delete(name);
});
