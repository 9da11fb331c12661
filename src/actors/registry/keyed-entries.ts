/**
 * The entries of all registries (keyed-registry.ts): this thread's copy, and the entries of this thread's actors.
 *
 *   register, unique     ─▶ root: is the key free? ─▶ the actor's thread: is it alive? ─▶ it tells all threads
 *                             └─▶ in a server: the arbiter, as with names
 *   register, duplicate                            ─▶ the actor's thread, the same
 *   exit                 ─▶ the actor's thread tells all that its entries are gone, then it sends exit signals and DOWN messages
 *
 * Invariants
 * - An entry is owned by its actor's thread: only that thread adds, changes and removes it. So all copies see one order.
 * - An actor that gets the DOWN message of a registered actor finds its keys free, or taken by another.
 * - If a unique key seems taken, its holder's thread is asked before the key is refused: the news that it is free may be on its
 *   way (as in registered-names.ts).
 */

import { isHere } from "../across/own-worker.ts";
import { pack, unpack, type Packed } from "../../runtime/copy/message-packing.ts";
import {
  ask,
  broadcast,
  claimName,
  onMessage,
  onQuestion,
  onThreadAdded,
  onThreadGone,
  post,
  releaseName,
  thisThread,
} from "../messaging/remote.ts";
import { beforeExitSignals } from "../process/exit-signals.ts";
import type { Pid, PidData } from "../process/pid.ts";
import type { Process } from "../process/process.ts";
import { exportPid, importPid, localProcess } from "../process/process-table.ts";
import { rareFieldsOf } from "../process/rare-fields.ts";

export type RegistryKey = string | number;

export interface Entry {
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
/** On the root: unique keys that actors of this worker have, with the numbers of their registrations. */
const claimed: Map<string, number> = new Map();
let lastEntry = 0;

/** Those of a key. */
export function found(name: string, key: RegistryKey): readonly Entry[] {
  return entries.get(name)?.get(key) ?? [];
}

export function allOf(name: string): Entry[] {
  return [...(entries.get(name)?.values() ?? [])].flat();
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
  // While it is being given out, whoever gives it decides.
  if (claimed.size > 0 && !reserved.has(idOf(name, key))) giveBack(name, key);
}

function dataOf({ registry: name, key, pid, id, value }: Entry): EntryData {
  return [name, key, exportPid(pid), id, pack(value)];
}

// On the root

onQuestion("claimKey", async (_from: number, name: string, key: RegistryKey, pid: PidData, value: Packed) => {
  const id = idOf(name, key);
  if (reserved.has(id)) return "the key is taken";
  reserved.add(id);
  try {
    const holder = holderHere(name, key);
    if (holder !== undefined) {
      // If its thread has ended, its keys are gone too.
      if (holder.thread !== thisThread) await Promise.allSettled([ask(holder.thread, "ping")]);
      if (holderHere(name, key) === holder) return "the key is taken";
    }
    // Whether another worker has it, the arbiter knows best.
    giveBack(name, key);
    const number = await claimName(id);
    if (number === 0) return "the key is taken";
    claimed.set(id, number);
    try {
      return await ask(pid[0], "takeKey", name, key, pid, value);
    } finally {
      giveBack(name, key);
    }
  } finally {
    reserved.delete(id);
  }
});

/** As the arbiter knows it, which gives out names too. */
function idOf(name: string, key: RegistryKey): string {
  return `key ${JSON.stringify([name, key])}`;
}

function holderHere(name: string, key: RegistryKey): Pid | undefined {
  return found(name, key).find(({ pid }) => isHere(pid.thread))?.pid;
}

/** Unless an actor of this worker has it. */
function giveBack(name: string, key: RegistryKey): void {
  const id = idOf(name, key);
  const number = claimed.get(id);
  if (number === undefined || holderHere(name, key) !== undefined) return;
  claimed.delete(id);
  releaseName(id, number);
}

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
