/**
 * Tables that many actors read without messages, like ETS: a map with an owner, and a copy on each thread that has opened it.
 *
 * What it promises
 * - The owner's thread is the table's home. It performs all writes, one after another. Each copy goes through the same states in
 *   the same order, so nobody sees a later write without the earlier ones.
 * - A read is of this thread's copy. It sends nothing and never waits.
 * - When a write's promise resolves, this thread reads what was written. Other threads read it when their event loop has turned;
 *   with `{ everywhere: true }` the promise resolves after that.
 * - A write at the home, and a message from there to any actor, arrive in the order in which they were made.
 * - `insertNew`, `add` and `delete` tell what happened at the home, so of two that race one wins.
 * - When the owner exits, the table is gone, before its links and monitors are told; unless it has an heir.
 *
 * Rejected: one map in a SharedArrayBuffer. A write would be seen everywhere at once. But each read would decode its value (some
 * microseconds, where a map takes nanoseconds), take a lock that a killed thread may hold for ever, and the table could hold neither
 * pids nor what is larger than its place. For flags and counters of fixed size use a SharedArrayBuffer itself: it can be sent.
 */

import { invalid, mustBeBoolean, mustBeKey, mustBeOptions, mustBeTitle } from "../arguments/arguments.ts";
import { HeddleError } from "../../errors/errors.ts";
import { copy } from "../../runtime/copy/copy.ts";
import { pack } from "../../runtime/copy/message-packing.ts";
import { root } from "../across/own-worker.ts";
import { ask, ifThreadGone, thisThread } from "../messaging/remote.ts";
import type { Pid } from "../process/pid.ts";
import { Process } from "../process/process.ts";
import { copies, type Access, type Copy, type Key } from "./copies.ts";
import { openHome } from "./home.ts";

export type TableKey = Key;

export interface TableOptions {
  /**
   * `protected` (the default): only the table that `createTable` returns can be written; `openTable` gives one to read.
   * `public`: all can write.
   */
  readonly access?: Access;
  /** An actor of the same thread that gets the table when its owner exits, and the message `{ type: "TABLE", table, from }`. */
  readonly heir?: Pid<never>;
}

export interface WriteOptions {
  /** Resolves when all threads that have opened the table read the new value. */
  readonly everywhere?: boolean;
}

/** A table, as one thread sees it. It cannot be sent: send its name, and open it there. */
export class Table<K extends TableKey = any, V = any> implements Iterable<[K, V]> {
  readonly name: string;
  readonly #copy: Copy;
  readonly #mayWrite: boolean;

  /** Made by `createTable` and `openTable`. */
  constructor(copyOfTable: Copy, mayWrite: boolean) {
    this.name = copyOfTable.name;
    this.#copy = copyOfTable;
    this.#mayWrite = mayWrite;
  }

  /** Whether it exists: its owner lives. Reads of a table that is gone find it empty. */
  get exists(): boolean {
    return !this.#copy.isGone;
  }

  get size(): number {
    return this.#copy.map.size;
  }

  has(key: K): boolean {
    checkKey(key);
    return this.#copy.map.has(key);
  }

  /** A copy of the value; deeply frozen plain data is not copied, and what is stored is frozen. */
  get(key: K): V | undefined {
    checkKey(key);
    return copy(this.#copy.map.get(key)) as V | undefined;
  }

  keys(): K[] {
    return [...this.#copy.map.keys()] as K[];
  }

  /** All entries as they are now; writes that come later do not change it. In the order of their first writes. */
  entries(): [K, V][] {
    return [...this.#copy.map].map(([key, value]) => [key as K, copy(value) as V]);
  }

  [Symbol.iterator](): Iterator<[K, V]> {
    return this.entries()[Symbol.iterator]();
  }

  /** @throws TABLE_REFUSED if it may only be read; TABLE_GONE; ACTOR_INVALID (the key); NOT_CLONEABLE. As for all writes. */
  async set(key: K, value: V, options?: WriteOptions): Promise<void> {
    await this.#write(["set", key, pack(value)], options);
  }

  /** Sets it unless the key exists. False: it exists. */
  async insertNew(key: K, value: V, options?: WriteOptions): Promise<boolean> {
    return (await this.#write(["insertNew", key, pack(value)], options)) as boolean;
  }

  /** False: there was none. */
  async delete(key: K, options?: WriteOptions): Promise<boolean> {
    return (await this.#write(["delete", key], options)) as boolean;
  }

  /**
   * Adds to a number, and returns the sum. A key that does not exist counts as 0.
   *
   * @throws ACTOR_INVALID if the value is not a number
   */
  async add(key: K, by: number, options?: WriteOptions): Promise<number> {
    if (typeof by !== "number") throw invalid("what add() adds", "a number", by);
    return (await this.#write(["add", key, by], options)) as number;
  }

  async clear(options?: WriteOptions): Promise<void> {
    await this.#write(["clear"], options);
  }

  async #write(write: readonly unknown[], options: WriteOptions | undefined): Promise<unknown> {
    const [, key] = write;
    if (write.length > 1) checkKey(key);
    if (options !== undefined) {
      mustBeOptions(options, "the options of a write", "{ everywhere: true }");
      if (options.everywhere !== undefined) mustBeBoolean(options.everywhere, "the option `everywhere` of a write");
    }
    if (!this.#mayWrite) {
      throw new HeddleError("TABLE_REFUSED", `the table "${this.name}" may only be read here: it is protected.`, {
        hint: 'Ask its owner to write, or create it with { access: "public" }.',
      });
    }
    const { home, name, number } = this.#copy;
    const answer = this.#copy.isGone
      ? undefined
      : ((await ask(home, "tableWrite", name, number, write, options?.everywhere === true).catch(ifThreadGone)) as
          | { readonly value: unknown }
          | undefined);
    if (answer === undefined) throw new HeddleError("TABLE_GONE", `the table "${name}" is gone: its owner has exited.`);
    return answer.value;
  }
}

/**
 * Creates a table that lives as long as its owner. Call it in the owner, with `self.pid`: its thread becomes the home.
 *
 * @throws TABLE_REFUSED if there is a table of this name; ACTOR_INVALID
 */
export async function createTable<K extends TableKey, V>(
  owner: Pid<never>,
  name: string,
  options: TableOptions = {},
): Promise<Table<K, V>> {
  mustBeTitle(name, "the name of a table");
  mustBeOptions(options, "the options of createTable()", '{ access: "public" }');
  const { access = "protected", heir } = options;
  if (access !== "protected" && access !== "public") {
    throw invalid("the option `access` of createTable()", '"protected" or "public"', access);
  }
  mustBeHere(owner, "the owner of a table");
  if (heir !== undefined) mustBeHere(heir, "the heir of a table");
  if ((await ask(root, "tableClaim", name, thisThread)) !== true) {
    throw new HeddleError("TABLE_REFUSED", `there is a table "${name}" already.`);
  }
  return new Table<K, V>(openHome(name, access, owner, heir), true);
}

/**
 * Opens a table on this thread. The first time its contents are copied here; from then on each write is.
 *
 * @throws TABLE_GONE if there is no such table; ACTOR_INVALID
 */
export async function openTable<K extends TableKey, V>(name: string): Promise<Table<K, V>> {
  mustBeTitle(name, "the name of a table");
  const home = (await ask(root, "tableHome", name)) as number | undefined;
  const opened = home !== undefined && (await ask(home, "tableOpen", name).catch(ifThreadGone));
  const found = opened === true ? copies.get(name) : undefined;
  if (found === undefined) throw new HeddleError("TABLE_GONE", `there is no table "${name}".`);
  return new Table<K, V>(found, found.access === "public");
}

function checkKey(key: unknown): void {
  mustBeKey(key, "a key of a table");
}

function mustBeHere(actor: unknown, what: string): asserts actor is Process {
  if (actor instanceof Process) return;
  throw invalid(what, "an actor of this thread", actor, "Call createTable in the owner, with self.pid.");
}
