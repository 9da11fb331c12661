/**
 * Which instance of the app a request belongs to. Pure, but for what it knows: the instances that live, in the order of their
 * names.
 *
 * An instance's name is `worker.thread.random`. The random part makes the name of a copy differ from that of its predecessor on
 * the same thread, whose memory is gone. The first two parts are its seat. `ip` hashes seats, so a reload moves no client to
 * another seat.
 *
 * `ip` takes the seat with the highest hash of address and seat (rendezvous hashing): a seat that comes or goes moves only the
 * clients that it gets or had.
 */

import type { SettingValues } from "../../../config/settings.ts";
import { randomBytes } from "../../../platform/random-bytes.ts";
import { cookieValue } from "./sticky-cookie.ts";

export type StickyMode = SettingValues["sticky"];

/** What a choice depends on. */
export interface Asker {
  /** Of the request. */
  readonly cookie: string | undefined;
  /** Of the client; undefined: it came over a Unix socket. */
  readonly address: string | undefined;
}

/** How many addresses are remembered with their instances. */
const REMEMBERED = 4096;
const NAME_BYTES = 6;

export function newInstanceName(worker: number, thread: number): string {
  return `${worker}.${thread}.${randomBytes(NAME_BYTES).toString("base64url")}`;
}

export class Instances {
  readonly self: string;
  #living: readonly string[] = [];
  #known: ReadonlySet<string> = new Set();
  readonly #byAddress = new Map<string, string>();

  constructor(self: string) {
    this.self = self;
  }

  /** Those that take requests now. Without this one, it is leaving. */
  know(names: readonly string[]): void {
    this.#living = [...names].sort();
    this.#known = new Set(names);
    this.#byAddress.clear();
  }

  lives(name: string): boolean {
    return this.#known.has(name);
  }

  /** It can't be reached. The next list may have it again. */
  forget(name: string): void {
    this.know(this.#living.filter((living) => living !== name));
  }

  /** The instance for a request; undefined: this one, because it is, or because nobody knows another. */
  choose(mode: StickyMode, { cookie, address }: Asker): string | undefined {
    const chosen = mode === "cookie" ? this.#byCookie(cookie, address) : this.#of(address);
    return chosen === this.self ? undefined : chosen;
  }

  #byCookie(cookie: string | undefined, address: string | undefined): string | undefined {
    const named = cookie === undefined ? undefined : cookieValue(cookie, (value) => this.lives(value));
    if (named !== undefined || this.lives(this.self)) return named;
    // This one is leaving. Another one is better for a client that is to stay.
    return this.#of(address) ?? this.#living[0];
  }

  #of(address: string | undefined): string | undefined {
    if (address === undefined) return undefined;
    const remembered = this.#byAddress.get(address);
    if (remembered !== undefined) return remembered;
    const found = rendezvous(address, this.#living);
    if (found === undefined) return undefined;
    if (this.#byAddress.size === REMEMBERED) this.#byAddress.clear();
    this.#byAddress.set(address, found);
    return found;
  }
}

/** The name whose seat has the highest hash with this key. Of equal ones, the first. */
export function rendezvous(key: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let highest = -1;
  for (const name of names) {
    const weight = hash(`${name.slice(0, name.lastIndexOf("."))} ${key}`);
    if (weight <= highest) continue;
    highest = weight;
    best = name;
  }
  return best;
}

/** FNV-1a, and the last steps of MurmurHash3: without them keys that differ in their last character have similar hashes. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
