/**
 * Registries: actors by keys, with a value for each entry; Elixir's `Registry`. A registry belongs to the whole program. Every
 * thread has a copy (keyed-entries.ts), so a look-up only reads a map.
 *
 * When `register` resolves, this thread's copy has the entry. Other threads have it a moment later.
 */

import { invalid, mustBeKey, mustBeOptions, mustBePid, mustBeTitle, show } from "../arguments/arguments.ts";
import { HeddleError } from "../../errors/errors.ts";
import { copy } from "../../runtime/copy/copy.ts";
import { pack, unpack, type Packed } from "../../runtime/copy/message-packing.ts";
import { registerReferences } from "../../runtime/copy/references.ts";
import { messageToBytes } from "../across/message-bytes.ts";
import { rootOf, seat } from "../across/own-worker.ts";
import { ask, ifThreadGone, thisThread } from "../messaging/remote.ts";
import { sendToAll } from "../messaging/sending.ts";
import type { Pid } from "../process/pid.ts";
import { exportPid } from "../process/process-table.ts";
import { takenHint } from "./registered-names.ts";
import { allOf, found, type Entry, type RegistryKey } from "./keyed-entries.ts";
import { Via } from "./via.ts";

export type { RegistryKey } from "./keyed-entries.ts";

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

const registries: Map<string, Registry> = new Map();

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
    checkEntry(key, pid);
    const data = [this.name, key, exportPid(pid as Pid), packForAll(value)] as const;
    const [thread, topic] = this.keys === "unique" ? [rootOf(pid.thread), "claimKey"] : [pid.thread, "takeKey"];
    const problem = (await ask(thread, topic, ...data)) as string | undefined;
    if (problem !== undefined) {
      throw new HeddleError(
        "NAME_REFUSED",
        `${pid.toString()} cannot be registered as ${this.name}/${key}: ${problem}.`,
        takenHint(problem),
      );
    }
    // The news came from the actor's thread, the answer perhaps from the root.
    if (pid.thread !== thisThread && thread !== pid.thread) await Promise.allSettled([ask(pid.thread, "ping")]);
  }

  /** Removes the actor's entries of a key. False: it had none. */
  async unregister(key: RegistryKey, pid: Pid<never>): Promise<boolean> {
    checkEntry(key, pid);
    const asked = ask(pid.thread, "dropKey", this.name, key, exportPid(pid as Pid)[1]);
    return (await asked.catch(ifThreadGone)) === true;
  }

  /** Replaces the value of the actor's entries of a key. False: it has none. */
  async setValue(key: RegistryKey, pid: Pid<never>, value: Value): Promise<boolean> {
    checkEntry(key, pid);
    const data = [this.name, key, exportPid(pid as Pid)[1], packForAll(value)] as const;
    return (await ask(pid.thread, "changeKey", ...data).catch(ifThreadGone)) === true;
  }

  /** The entries of a key; at most one if keys are unique. */
  lookup(key: RegistryKey): RegistryEntry<Value>[] {
    checkKey(key);
    return found(this.name, key).map(shown) as RegistryEntry<Value>[];
  }

  /** The first actor of a key. */
  whereis(key: RegistryKey): Pid | undefined {
    checkKey(key);
    return found(this.name, key)[0]?.pid;
  }

  /** The keys of an actor, one for each entry. */
  keysOf(pid: Pid<never>): RegistryKey[] {
    mustBePid(pid, "the actor of keysOf()");
    return allOf(this.name)
      .filter((entry) => entry.pid === pid)
      .map(({ key }) => key);
  }

  entries(): RegistryEntry<Value>[] {
    return allOf(this.name).map(shown) as RegistryEntry<Value>[];
  }

  /** The number of entries. */
  get size(): number {
    return allOf(this.name).length;
  }

  /** Sends a copy to each entry of a key. A full mailbox drops it. Returns to how many. */
  publish(key: RegistryKey, message: unknown): number {
    checkKey(key);
    const to = found(this.name, key);
    sendToAll(
      to.map(({ pid }) => pid),
      message,
    );
    return to.length;
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
  mustBeTitle(name, "the name of a registry");
  mustBeOptions(options, "the options of registry()", '{ keys: "duplicate" }');
  const { keys = "unique" } = options;
  if (keys !== "unique" && keys !== "duplicate") {
    throw invalid("the option `keys` of registry()", '"unique" or "duplicate"', keys);
  }
  const known = registries.get(name);
  if (known !== undefined && known.keys !== keys) {
    throw new HeddleError(
      "ACTOR_INVALID",
      `the registry "${name}" has ${known.keys} keys already, and got ${show(keys)}.`,
    );
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
  if (!(of instanceof Registry)) throw invalid("the first argument of via()", "what registry() returned", of);
  checkKey(key);
  if (of.keys !== "unique") {
    throw new HeddleError(
      "ACTOR_INVALID",
      `via() needs a registry with unique keys, and got "${of.name}", which has duplicate ones.`,
      { hint: "Send to all actors of a key with its publish()." },
    );
  }
  return new RegistryVia(of, key, value) as unknown as Via & P;
}

registerReferences<RegistryVia>({
  tag: "via",
  isPortable: true,
  prototypes: [RegistryVia.prototype],
  encode: ({ registry: of, key, value }) => [of.name, key, pack(value)],
  decode: (data) => {
    const [name, key, { value, markers }] = data as readonly [string, RegistryKey, Packed];
    return new RegistryVia(registry(name), key, unpack(value, markers));
  },
});

/** All workers of a server get it. Refused here also if there is only one: then it is refused everywhere, or nowhere. */
function packForAll(value: unknown): Packed {
  const packed = pack(value);
  if (seat !== undefined) messageToBytes([packed]);
  return packed;
}

function checkKey(key: unknown): void {
  mustBeKey(key, "a key of a registry");
}

function checkEntry(key: unknown, pid: unknown): void {
  checkKey(key);
  mustBePid(pid, "the actor of a registry's entry");
}

function shown({ key, pid, value }: Entry): RegistryEntry<unknown> {
  return { key, pid, value: copy(value) };
}
