/**
 * Functions that may run on any thread. A function can't be sent to another thread, but its address can: the URL of its module
 * and a name. A function registered at a module's top level is stored under this address on every thread that imports the
 * module. `resolve` finds it there, and imports the module if needed.
 *
 * Guarantees
 * - An entry is found as soon as it is registered, even before its module is evaluated to the end. So a module that waits at
 *   its top level, or a main program that is imported a second time here, blocks nobody.
 * - Nothing is imported for an entry that is registered already.
 * - `resolve` never hangs on a module that has ended: an entry that is not registered by then is missing.
 */

import { nearest } from "../config/nearest.ts";
import { importForUnits } from "./importing.ts";
import { HeddleError, messageOf, type ErrorCode } from "../errors/errors.ts";

export interface Address {
  /** The module's URL: `file:` or `data:`. */
  readonly url: string;
  /** Unique in the module, among entries of the same kind. */
  readonly name: string;
}

export interface RegistryWords {
  /** The kind of entry, and the name of the function that makes it: `actor`. */
  readonly kind: string;
  readonly invalid: ErrorCode;
  readonly duplicate: ErrorCode;
  readonly notFound: ErrorCode;
  readonly moduleFailed: ErrorCode;
}

interface ModuleEntries<T> {
  readonly entries: Map<string, T>;
  readonly wanted: Map<string, PromiseWithResolvers<T>>;
  importing: boolean;
}

export class ModuleRegistry<T> {
  readonly #words: RegistryWords;
  readonly #modules: Map<string, ModuleEntries<T>> = new Map();

  constructor(words: RegistryWords) {
    this.#words = words;
  }

  /** Stores an entry, and resolves those who wait for it. */
  add({ url, name }: Address, fn: unknown, entry: T): void {
    this.#check(url, name, fn);
    const module = this.#moduleAt(url);
    if (module.entries.has(name)) {
      const { kind, duplicate } = this.#words;
      throw new HeddleError(duplicate, `${url} defines two ${kind}s named "${name}".`, {
        hint: `Call ${kind}() once, at the top level of the module, and give each ${kind} a name of its own.`,
      });
    }
    module.entries.set(name, entry);
    module.wanted.get(name)?.resolve(entry);
    module.wanted.delete(name);
  }

  find({ url, name }: Address): T | undefined {
    return this.#modules.get(url)?.entries.get(name);
  }

  /** The entry of this address on this thread. Imports its module if the entry is not registered yet. */
  resolve({ url, name }: Address): Promise<T> {
    const module = this.#moduleAt(url);
    const known = module.entries.get(name);
    if (known !== undefined) return Promise.resolve(known);
    let wanted = module.wanted.get(name);
    if (wanted === undefined) module.wanted.set(name, (wanted = Promise.withResolvers<T>()));
    if (!module.importing) void this.#import(url, module);
    return wanted.promise;
  }

  #check(url: unknown, name: unknown, fn: unknown): void {
    const { kind, invalid } = this.#words;
    if (typeof url !== "string" || !/^(file|data):/.test(url)) {
      throw new HeddleError(invalid, `${kind}() needs the URL of its module first, and got ${show(url)}.`, {
        hint: `Write ${kind}(import.meta.url, "name", …); in CommonJS pathToFileURL(__filename).href.`,
      });
    }
    if (typeof name !== "string" || name === "") {
      const article = /^[aeiou]/.test(kind) ? "an" : "a";
      throw new HeddleError(invalid, `${article} ${kind} needs a name, and ${kind}() in ${url} got ${show(name)}.`);
    }
    if (typeof fn !== "function") {
      throw new HeddleError(invalid, `the ${kind} "${name}" of ${url} needs a function, and got ${show(fn)}.`);
    }
  }

  async #import(url: string, module: ModuleEntries<T>): Promise<void> {
    module.importing = true;
    let fault: { readonly cause: unknown } | undefined;
    try {
      await importForUnits(url);
    } catch (cause) {
      fault = { cause };
    }
    module.importing = false;
    if (fault !== undefined && module.wanted.size === 0) this.#warn(url, fault.cause);
    for (const [name, wanted] of module.wanted) wanted.reject(this.#missing({ url, name }, module, fault));
    module.wanted.clear();
  }

  #missing({ url, name }: Address, module: ModuleEntries<T>, fault?: { readonly cause: unknown }): HeddleError {
    const { kind, moduleFailed, notFound } = this.#words;
    const what = `the ${kind} "${name}" cannot run on this thread: its module ${url}`;
    if (fault !== undefined) {
      return new HeddleError(moduleFailed, `${what} cannot be imported: ${messageOf(fault.cause)}`, fault);
    }
    const names = [...module.entries.keys()];
    const near = nearest(name, names);
    const found = names.length === 0 ? `no ${kind}s` : `only ${names.map((each) => `"${each}"`).join(", ")}`;
    const advice = `Call ${kind}() at the module's top level, on every thread alike, with the module's own import.meta.url.`;
    return new HeddleError(notFound, `${what} defines ${found} here.`, {
      hint: near === undefined ? advice : `Did you mean "${near}"?`,
    });
  }

  /** Its entries were found before it failed, so no caller gets this error. */
  #warn(url: string, cause: unknown): void {
    process.emitWarning(`${url} failed when it was imported for its ${this.#words.kind}s: ${messageOf(cause)}`, {
      type: "HeddleWarning",
      code: this.#words.moduleFailed,
      ...(cause instanceof Error && cause.stack !== undefined ? { detail: cause.stack } : {}),
    });
  }

  #moduleAt(url: string): ModuleEntries<T> {
    let module = this.#modules.get(url);
    if (module === undefined) {
      this.#modules.set(url, (module = { entries: new Map(), wanted: new Map(), importing: false }));
    }
    return module;
  }
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : value === null ? "null" : typeof value;
}
