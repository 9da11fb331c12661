/**
 * Registries: actors by keys, with a value for each entry; Elixir's `Registry`. A registry belongs to the whole program. Every
 * thread has a copy, so a look-up only reads a map.
 *
 *   register, unique     ─▶ root: is the key free? ─▶ the actor's thread: is it alive? ─▶ it tells all threads
 *   register, duplicate                            ─▶ the actor's thread, the same
 *   exit                 ─▶ the actor's thread tells all that its entries are gone, then it sends exit signals and DOWN messages
 *
 * Invariants
 * - An entry is owned by its actor's thread: only that thread adds, changes and removes it. So all copies see one order.
 * - An actor that gets the DOWN message of a registered actor finds its keys free, or taken by another.
 * - If a unique key seems taken, its holder's thread is asked before the key is refused: the news that it is free may be on its
 *   way (as in registered-names.ts).
 * - When `register` resolves, this thread's copy has the entry. Other threads have it a moment later.
 */

import { HeddleError } from "../../errors/errors.ts";
import { copy } from "../../runtime/copy/copy.ts";
import { pack, unpack, type Packed } from "../../runtime/copy/message-packing.ts";
import { registerReferences } from "../../runtime/copy/references.ts";
import { ROOT } from "../../runtime/runtime.ts";
import {
  ask,
  broadcast,
  onMessage,
  onQuestion,
  onThreadAdded,
  onThreadGone,
  post,
  thisThread,
} from "../messaging/remote.ts";
import { sendTo } from "../messaging/sending.ts";
import { beforeExitSignals } from "../process/exit-signals.ts";
import { isPid, type Pid, type PidData } from "../process/pid.ts";
import { Process } from "../process/process.ts";
import { exportPid, importPid, localProcess } from "../process/process-table.ts";
import { rareFieldsOf } from "../process/rare-fields.ts";
import { Via } from "./via.ts";

export type RegistryKey = string | number;

export interface RegistryOptions {
  /** `unique` (the default): a key has one actor at most. `duplicate`: any number, and one actor several times. */
  readonly keys?: "unique" | "duplicate";
}

export interface RegistryEntry<Value> {
  readonly key: RegistryKey;
  readonly pid: Pid;
  /** A copy. */
  readonly value: Value;
}

interface Entry {
  readonly registry: string;
  readonly key: RegistryKey;
  readonly pid: Pid;
  /** Its number on the actor's thread. */
  readonly id: number;
  value: unknown;
}

type EntryData = readonly [registry: string, key: RegistryKey, pid: PidData, id: number, value: Packed];

/** By registry, then by key, in the order in which this thread heard of them. */
const entries: Map<string, Map<RegistryKey, Entry[]>> = new Map();
/** The entries of this thread's actors. */
const own: Map<Process, Set<Entry>> = new Map();
/** On the root: keys that are being given out. */
const reserved: Set<string> = new Set();
const registries: Map<string, Registry> = new Map();
let lastEntry = 0;

/** Actors by keys. Made by `registry`. Reads are of this thread's copy and send nothing. */
export class Registry<Value = any> {
  readonly name: string;
  readonly keys: "unique" | "duplicate";

  constructor(name: string, keys: "unique" | "duplicate") {
    this.name = name;
    this.keys = keys;
  }

  /**
   * Adds an entry for a living actor, until it is unregistered or exits. An actor may have many keys.
   *
   * @throws NAME_REFUSED if the key is taken (`unique`), or the actor has exited; ACTOR_INVALID; NOT_CLONEABLE
   */
  async register(key: RegistryKey, pid: Pid<never>, value?: Value): Promise<void> {
    checkKey(key);
    if (!isPid(pid))
      throw new HeddleError("ACTOR_INVALID", `a registry has actors by their pids, and got ${typeof pid}.`);
    const data = [this.name, key, exportPid(pid), pack(value)] as const;
    const [thread, topic] = this.keys === "unique" ? [ROOT, "claimKey"] : [pid.thread, "takeKey"];
    const problem = (await ask(thread, topic, ...data)) as string | undefined;
    if (problem !== undefined) {
      throw new HeddleError(
        "NAME_REFUSED",
        `${pid.toString()} cannot be registered as ${this.name}/${key}: ${problem}.`,
      );
    }
    // The news came from the actor's thread, the answer perhaps from the root.
    if (pid.thread !== thisThread && thread !== pid.thread) await Promise.allSettled([ask(pid.thread, "ping")]);
  }

  /** Removes the actor's entries of a key. False: it had none. */
  async unregister(key: RegistryKey, pid: Pid<never>): Promise<boolean> {
    return (await ask(pid.thread, "dropKey", this.name, key, exportPid(pid as Pid)[1])) as boolean;
  }

  /** Replaces the value of the actor's entries of a key. False: it has none. */
  async setValue(key: RegistryKey, pid: Pid<never>, value: Value): Promise<boolean> {
    const data = [this.name, key, exportPid(pid as Pid)[1], pack(value)] as const;
    return (await ask(pid.thread, "changeKey", ...data)) as boolean;
  }

  /** The entries of a key; at most one if keys are unique. */
  lookup(key: RegistryKey): RegistryEntry<Value>[] {
    return found(this.name, key).map(shown) as RegistryEntry<Value>[];
  }

  /** The first actor of a key. */
  whereis(key: RegistryKey): Pid | undefined {
    return found(this.name, key)[0]?.pid;
  }

  /** The keys of an actor, one for each entry. */
  keysOf(pid: Pid<never>): RegistryKey[] {
    return this.#all()
      .filter((entry) => entry.pid === pid)
      .map(({ key }) => key);
  }

  entries(): RegistryEntry<Value>[] {
    return this.#all().map(shown) as RegistryEntry<Value>[];
  }

  /** The number of entries. */
  get size(): number {
    return this.#all().length;
  }

  /** Sends a copy to each entry of a key. A full mailbox drops it. Returns to how many. */
  publish(key: RegistryKey, message: unknown): number {
    const to = found(this.name, key);
    for (const { pid } of to) sendTo(pid, message, "drop");
    return to.length;
  }

  #all(): Entry[] {
    return [...(entries.get(this.name)?.values() ?? [])].flat();
  }
}

/**
 * The registry of this name, the same on all threads. Call it at the top level of a module:
 *
 *     export const sessions = registry<Info>("sessions");
 *
 * @throws ACTOR_INVALID if this thread knows it with other `keys`
 */
export function registry<Value = undefined>(name: string, options: RegistryOptions = {}): Registry<Value> {
  const { keys = "unique" } = options;
  if (typeof name !== "string" || name === "" || (keys !== "unique" && keys !== "duplicate")) {
    throw new HeddleError("ACTOR_INVALID", `a registry has a name, and keys that are "unique" or "duplicate".`);
  }
  const known = registries.get(name);
  if (known !== undefined && known.keys !== keys) {
    throw new HeddleError("ACTOR_INVALID", `the registry "${name}" has ${known.keys} keys already.`);
  }
  if (known === undefined) registries.set(name, new Registry(name, keys));
  return registries.get(name) as Registry<Value>;
}

class RegistryVia extends Via {
  readonly registry: Registry;
  readonly key: RegistryKey;
  readonly value: unknown;

  constructor(of: Registry, key: RegistryKey, value: unknown) {
    super();
    this.registry = of;
    this.key = key;
    this.value = value;
  }

  override resolve(): Pid | undefined {
    return this.registry.whereis(this.key);
  }

  override claim(pid: Pid): Promise<void> {
    return this.registry.register(this.key, pid, this.value);
  }

  override toString(): string {
    return `${this.registry.name}/${this.key}`;
  }
}

/**
 * An address in a registry with unique keys. Use it wherever a pid or a name is expected: `call(via(sessions, "anna"), …)`; it
 * is looked up at each use. As the `name` of `spawn` it registers the new actor, with the value.
 *
 * @throws ACTOR_INVALID if its keys are not unique
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- whoever looks it up knows what is there
export function via<P extends Pid<never> = Pid>(of: Registry, key: RegistryKey, value?: unknown): Via & P {
  checkKey(key);
  if (of.keys !== "unique") {
    throw new HeddleError(
      "ACTOR_INVALID",
      `via() needs unique keys, and the registry "${of.name}" has duplicate ones.`,
      {
        hint: "Send to all actors of a key with its publish().",
      },
    );
  }
  return new RegistryVia(of, key, value) as unknown as Via & P;
}

registerReferences<RegistryVia>({
  tag: "via",
  prototypes: [RegistryVia.prototype],
  encode: ({ registry: of, key, value }) => [of.name, key, pack(value)],
  decode: (data) => {
    const [name, key, { value, markers }] = data as readonly [string, RegistryKey, Packed];
    return new RegistryVia(registry(name), key, unpack(value, markers));
  },
});

function checkKey(key: unknown): void {
  if (typeof key === "string" || (typeof key === "number" && !Number.isNaN(key))) return;
  throw new HeddleError("ACTOR_INVALID", `a key of a registry is a string or a number, and got ${typeof key}.`);
}

function found(name: string, key: RegistryKey): readonly Entry[] {
  return entries.get(name)?.get(key) ?? [];
}

function shown({ key, pid, value }: Entry): RegistryEntry<unknown> {
  return { key, pid, value: copy(value) };
}

// This thread's copy

function put(entry: Entry): void {
  let byKey = entries.get(entry.registry);
  if (byKey === undefined) entries.set(entry.registry, (byKey = new Map()));
  const ofKey = byKey.get(entry.key);
  const known = ofKey?.find(({ pid, id }) => pid === entry.pid && id === entry.id);
  if (known !== undefined) known.value = entry.value;
  else if (ofKey === undefined) byKey.set(entry.key, [entry]);
  else ofKey.push(entry);
}

function remove(name: string, key: RegistryKey, isGone: (entry: Entry) => boolean): void {
  const byKey = entries.get(name);
  const left = byKey?.get(key)?.filter((entry) => !isGone(entry));
  if (left === undefined) return;
  if (left.length > 0) byKey!.set(key, left);
  else byKey!.delete(key);
  if (byKey!.size === 0) entries.delete(name);
}

function dataOf({ registry: name, key, pid, id, value }: Entry): EntryData {
  return [name, key, exportPid(pid), id, pack(value)];
}

// On the root

onQuestion("claimKey", async (_from: number, name: string, key: RegistryKey, pid: PidData, value: Packed) => {
  const id = JSON.stringify([name, key]);
  if (reserved.has(id)) return "the key is taken";
  reserved.add(id);
  try {
    const holder = found(name, key)[0]?.pid;
    if (holder !== undefined) {
      // If its thread has ended, its keys are gone too.
      if (holder.thread !== thisThread) await Promise.allSettled([ask(holder.thread, "ping")]);
      if (found(name, key)[0]?.pid === holder) return "the key is taken";
    }
    return await ask(pid[0], "takeKey", name, key, pid, value);
  } finally {
    reserved.delete(id);
  }
});

// On the actor's thread

onQuestion("takeKey", (_from: number, name: string, key: RegistryKey, pid: PidData, { value, markers }: Packed) => {
  const process = localProcess(pid[1]);
  if (process === undefined) return "it has exited";
  rareFieldsOf(process);
  const entry: Entry = { registry: name, key, pid: process, id: ++lastEntry, value: unpack(value, markers) };
  const ofProcess = own.get(process);
  if (ofProcess === undefined) own.set(process, new Set([entry]));
  else ofProcess.add(entry);
  put(entry);
  broadcast(["keyed", ...dataOf(entry)]);
  return undefined;
});

function ownEntries(name: string, key: RegistryKey, id: number): Entry[] {
  const process = localProcess(id);
  const ofProcess = process === undefined ? undefined : own.get(process);
  return [...(ofProcess ?? [])].filter((entry) => entry.registry === name && entry.key === key);
}

onQuestion("dropKey", (_from: number, name: string, key: RegistryKey, id: number) => {
  const gone = ownEntries(name, key, id);
  for (const entry of gone) drop(entry);
  return gone.length > 0;
});

onQuestion("changeKey", (_from: number, name: string, key: RegistryKey, id: number, { value, markers }: Packed) => {
  const changed = ownEntries(name, key, id);
  for (const entry of changed) {
    entry.value = unpack(value, markers);
    broadcast(["keyed", ...dataOf(entry)]);
  }
  return changed.length > 0;
});

function drop(entry: Entry): void {
  const { registry: name, key, pid, id } = entry;
  const ofProcess = own.get(pid as Process);
  if (ofProcess?.delete(entry) === true && ofProcess.size === 0) own.delete(pid as Process);
  remove(name, key, (each) => each === entry);
  broadcast(["unkeyed", name, key, exportPid(pid), id]);
}

beforeExitSignals((process) => {
  for (const entry of own.get(process) ?? []) drop(entry);
});

// Everywhere

onMessage("keyed", (_from: number, ...[name, key, pid, id, { value, markers }]: EntryData) => {
  put({ registry: name, key, pid: importPid(pid), id, value: unpack(value, markers) });
});

onMessage("unkeyed", (_from: number, name: string, key: RegistryKey, data: PidData, id: number) => {
  const pid = importPid(data);
  remove(name, key, (entry) => entry.pid === pid && entry.id === id);
});

onThreadAdded((thread) => {
  for (const ofProcess of own.values()) for (const entry of ofProcess) post(thread, ["keyed", ...dataOf(entry)]);
});

onThreadGone((gone) => {
  for (const [name, byKey] of entries) {
    for (const key of byKey.keys()) remove(name, key, ({ pid }) => pid.thread === gone);
  }
});
