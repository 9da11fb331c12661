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
 * - A key of a worker or thread that is replaced may have a second entry, its replacement's, which not all threads know (claims.ts). The
 *   entry with the largest number counts.
 * - If a unique key seems taken, its holder's thread is asked before the key is refused: the news that it is free may be on its
 *   way (as in name-copies.ts).
 */

import { isHere, root } from "../across/own-worker.ts";
import { pack, unpack, type Packed } from "../../runtime/copy/message-packing.ts";
import { boundIn } from "../../runtime/copy/process-bound.ts";
import {
  ask,
  broadcast,
  onMessage,
  onPromoted,
  onQuestion,
  onThreadAdded,
  onThreadGone,
  otherThreads,
  post,
  releaseName,
  thisThread,
} from "../messaging/remote.ts";
import { beforeExitSignals } from "../process/exit-signals.ts";
import type { Pid, PidData } from "../process/pid.ts";
import type { Process } from "../process/process.ts";
import { exportPid, importPid, localProcess } from "../process/process-table.ts";
import { rareFieldsOf } from "../process/rare-fields.ts";
import { type Audience, audienceOf, claim, lastHeld, tellAudience } from "./claims.ts";

export type RegistryKey = string | number;

const ID_PREFIX = "key ";
const KEY_TAKEN = "the key is taken";

export interface Entry {
  readonly registry: string;
  readonly key: RegistryKey;
  readonly pid: Pid;
  /** Its number on the actor's thread. */
  readonly id: number;
  /** Of a unique key: that of its registration. 0: the key is not unique. */
  readonly number: number;
  value: unknown;
}

interface OwnEntry extends Entry {
  /** Those that know it. */
  audience: Audience;
}

type EntryData = readonly [registry: string, key: RegistryKey, pid: PidData, id: number, number: number, value: Packed];

type TakeArgs = readonly [
  name: string,
  key: RegistryKey,
  pid: PidData,
  value: Packed,
  number?: number,
  audience?: Audience,
];

/** By registry, then by key, in the order in which this thread heard of them; of a unique key, the largest number first. */
const entries: Map<string, Map<RegistryKey, Entry[]>> = new Map();
/** The entries of this thread's actors. */
const own: Map<Process, Set<OwnEntry>> = new Map();
/** On the root: keys that are being given out. */
const reserved: Set<string> = new Set();
/** On the root: the numbers of the unique keys that actors of this worker have. */
const claimed: Set<number> = new Set();
/** On the root: the entries that not all know, by the number of the registration. */
const waiting: Map<number, { readonly thread: number; audience: Audience }> = new Map();
let lastEntry = 0;

/** Those of a key. At most one if keys are unique. */
export function found(name: string, key: RegistryKey): readonly Entry[] {
  return current(known(name, key));
}

export function allOf(name: string): Entry[] {
  return [...(entries.get(name)?.values() ?? [])].flatMap(current);
}

function current(ofKey: readonly Entry[]): readonly Entry[] {
  return ofKey.length > 1 && ofKey[0]!.number > 0 ? ofKey.slice(0, 1) : ofKey;
}

function known(name: string, key: RegistryKey): readonly Entry[] {
  return entries.get(name)?.get(key) ?? [];
}

// This thread's copy

function put(entry: Entry): void {
  let byKey = entries.get(entry.registry);
  if (byKey === undefined) entries.set(entry.registry, (byKey = new Map()));
  const ofKey = byKey.get(entry.key);
  const before = ofKey?.find(({ pid, id }) => pid === entry.pid && id === entry.id);
  if (before !== undefined) before.value = entry.value;
  else if (ofKey === undefined) byKey.set(entry.key, [entry]);
  else ofKey.push(entry);
  if (entry.number > 0) ofKey?.sort((a, b) => b.number - a.number);
}

function remove(name: string, key: RegistryKey, isGone: (entry: Entry) => boolean): void {
  const byKey = entries.get(name);
  const before = byKey?.get(key);
  if (before === undefined) return;
  const left = before.filter((entry) => !isGone(entry));
  if (left.length > 0) byKey!.set(key, left);
  else byKey!.delete(key);
  if (byKey!.size === 0) entries.delete(name);
  if (claimed.size === 0) return;
  for (const entry of before) if (!left.includes(entry)) giveBack(name, key, entry.number);
  widen(name, key);
}

function dataOf({ registry: name, key, pid, id, number, value }: Entry): EntryData {
  return [name, key, exportPid(pid), id, number, pack(value)];
}

// On the root

onQuestion("claimKey", async (_from: number, name: string, key: RegistryKey, pid: PidData, value: Packed) => {
  const id = idOf(name, key);
  if (reserved.has(id)) return KEY_TAKEN;
  reserved.add(id);
  try {
    const holder = await lastHeld(() => known(name, key));
    const [thread] = pid;
    // Whether another worker has it, the arbiter knows best.
    const number = await claim(id, thread, holder?.pid.thread, true);
    if (number === 0) return KEY_TAKEN;
    claimed.add(number);
    const audience = audienceOf(number, known(name, key));
    if (audience !== "all") waiting.set(number, { thread, audience });
    try {
      return await ask(thread, "takeKey", name, key, pid, value, number, audience);
    } finally {
      // The news of the entry, and of its end, came before the answer.
      if (!known(name, key).some((entry) => entry.number === number)) giveBack(name, key, number);
    }
  } finally {
    reserved.delete(id);
  }
});

/** As the arbiter knows it, which gives out names too. */
function idOf(name: string, key: RegistryKey): string {
  return ID_PREFIX + JSON.stringify([name, key]);
}

function giveBack(name: string, key: RegistryKey, number: number): void {
  waiting.delete(number);
  if (claimed.delete(number)) releaseName(idOf(name, key), number);
}

/** More threads may know an entry than before. Its own thread tells them. */
function widen(name: string, key: RegistryKey): void {
  if (waiting.size === 0) return;
  const ofKey = known(name, key);
  for (const { number } of ofKey) {
    const waits = waiting.get(number);
    if (waits === undefined) continue;
    const audience = audienceOf(number, ofKey);
    if (audience === waits.audience) continue;
    waits.audience = audience;
    if (audience === "all") waiting.delete(number);
    if (waits.thread === thisThread) widenOwn(name, key, number, audience);
    else post(waits.thread, ["widenKey", name, key, number, audience]);
  }
}

onPromoted((id) => {
  if (id.startsWith(ID_PREFIX)) widen(...(JSON.parse(id.slice(ID_PREFIX.length)) as [string, RegistryKey]));
});

// On the actor's thread

onQuestion("takeKey", (_from: number, ...args: TakeArgs) => {
  const [name, key, pid, { value, markers }, number = 0, audience = "all"] = args;
  const process = localProcess(pid[1]);
  if (process === undefined) return "it has exited";
  rareFieldsOf(process);
  const id = ++lastEntry;
  const entry = { registry: name, key, pid: process, id, number, audience, value: unpack(value, markers) };
  const ofProcess = own.get(process);
  if (ofProcess === undefined) own.set(process, new Set([entry]));
  else ofProcess.add(entry);
  put(entry);
  tell(entry);
  return undefined;
});

function tell(entry: OwnEntry): void {
  const data = dataOf(entry);
  if (boundIn(data) !== undefined) return tellEach(entry, data);
  // Nobody else: the root, which runs no code of the app.
  tellAudience(entry.audience, ["keyed", ...data], root);
}

/** The home of a channel or a lock counts the references to it, so each thread gets its own. There are no other workers then. */
function tellEach(entry: OwnEntry, first: EntryData): void {
  const threads = otherThreads();
  if (threads.length === 0) unpack(first[5].value, first[5].markers);
  for (const [index, thread] of threads.entries()) post(thread, ["keyed", ...(index === 0 ? first : dataOf(entry))]);
}

function widenOwn(name: string, key: RegistryKey, number: number, audience: Audience): void {
  for (const ofProcess of own.values()) {
    for (const entry of ofProcess) {
      if (entry.number !== number || entry.registry !== name || entry.key !== key) continue;
      entry.audience = audience;
      tell(entry);
    }
  }
}

onMessage("widenKey", (_from: number, ...args: Parameters<typeof widenOwn>) => widenOwn(...args));

function ownEntries(name: string, key: RegistryKey, id: number): OwnEntry[] {
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
    tell(entry);
  }
  return changed.length > 0;
});

function drop(entry: OwnEntry): void {
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

onMessage("keyed", (_from: number, ...[name, key, pid, id, number, { value, markers }]: EntryData) => {
  put({ registry: name, key, pid: importPid(pid), id, number, value: unpack(value, markers) });
});

onMessage("unkeyed", (_from: number, name: string, key: RegistryKey, data: PidData, id: number) => {
  const pid = importPid(data);
  remove(name, key, (entry) => entry.pid === pid && entry.id === id);
});

onThreadAdded((thread) => {
  for (const ofProcess of own.values()) {
    for (const entry of ofProcess) {
      const mayKnow = isHere(thread) ? entry.audience !== "thread" : entry.audience === "all";
      if (mayKnow) post(thread, ["keyed", ...dataOf(entry)]);
    }
  }
});

onThreadGone((gone) => {
  for (const [name, byKey] of entries) {
    for (const key of byKey.keys()) remove(name, key, ({ pid }) => pid.thread === gone);
  }
});
