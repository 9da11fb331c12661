/**
 * The entries of a store, within their memory and their time. What the operations do with them is `store.ts`.
 *
 * Invariants
 * - All entries together cost at most `maxBytes`. A new one evicts those that were used least recently.
 * - An entry whose time is over is never found. It is freed by the wheel, with at most SWEEP entries in one turn of the loop.
 * - `clear` takes the namespace's map away at once, and frees its entries by and by like those that have expired.
 * - There is one timer, not one for each entry, and it keeps no process alive.
 *
 * Rejected: to refuse `set` when it is full. A cache would stand still with what it has, and each caller would need a plan for it.
 * Rejected: to evict values before counters. A flood of clients makes counters, and would evict every session.
 */

import { LinkedList } from "../../kit/linked-list.ts";
import { TimerWheel } from "../../kit/timer-wheel.ts";
import { KEEP_TTL, NO_TTL } from "../protocol.ts";
import { type Content, costOf, Entry } from "./entry.ts";

export interface EntriesOptions {
  readonly maxBytes: number;
  readonly nowMs: () => number;
  /** A counter that has not expired was evicted: a limit is forgotten. */
  readonly onCounterEvicted?: () => void;
}

/** Freed in one turn of the loop: some milliseconds at most. */
const SWEEP = 5000;
const SWEEP_EVERY_MS = 500;
const NEXT_TURN_MS = 1;
/** V8's maps end at 2^24 entries. */
const MAX_ENTRIES = 2 ** 23;

export class Entries {
  /** Leases have their times in it too. */
  readonly wheel: TimerWheel;
  bytes = 0;
  evictions = 0;
  /** Of the evictions, those of numbers. */
  evictedCounters = 0;
  readonly #options: EntriesOptions;
  readonly #namespaces = new Map<string, Map<string, Entry>>();
  readonly #byUse = new LinkedList<Entry>();
  /** Maps of cleared namespaces, whose entries are still to be freed. */
  readonly #cleared: Map<string, Entry>[] = [];
  readonly #onExpired = (entry: Entry): void => this.remove(entry);
  #timer: NodeJS.Timeout | undefined;
  #versions = 0;

  constructor(options: EntriesOptions) {
    this.#options = options;
    this.wheel = new TimerWheel(Math.floor(options.nowMs()));
  }

  get size(): number {
    return this.#byUse.size;
  }

  /** Used now, so evicted last. */
  find(namespace: string, key: string): Entry | undefined {
    const entry = this.#namespaces.get(namespace)?.get(key);
    if (entry === undefined) return undefined;
    if (entry.expiresMs <= this.#options.nowMs()) {
      this.remove(entry);
      return undefined;
    }
    this.#byUse.remove(entry);
    this.#byUse.add(entry);
    return entry;
  }

  /** The key has none. */
  add(namespace: string, key: string, content: Content): Entry {
    const entry = new Entry(namespace, key, content, this.#onExpired);
    entry.version = ++this.#versions;
    let entries = this.#namespaces.get(namespace);
    if (entries === undefined) this.#namespaces.set(namespace, (entries = new Map()));
    entries.set(key, entry);
    this.#byUse.add(entry);
    this.bytes += entry.bytes;
    this.#makeRoom(entry);
    return entry;
  }

  change(entry: Entry, content: Content): void {
    this.bytes += costOf(entry.namespace, entry.key, content) - entry.bytes;
    entry.content = content;
    entry.version = ++this.#versions;
    this.#makeRoom(entry);
  }

  remove(entry: Entry): void {
    const { namespace, key } = entry;
    // It is still in the map of a cleared namespace.
    if (!entry.isStored) return;
    entry.isStored = false;
    this.wheel.remove(entry);
    this.#byUse.remove(entry);
    this.bytes -= entry.bytes;
    const entries = this.#namespaces.get(namespace);
    // Not if its namespace was cleared, and has a new map.
    if (entries?.get(key) !== entry) return;
    entries.delete(key);
    if (entries.size === 0) this.#namespaces.delete(namespace);
  }

  schedule(entry: Entry, ttlMs: number): void {
    if (ttlMs === KEEP_TTL) return;
    this.wheel.remove(entry);
    entry.expiresMs = ttlMs === NO_TTL ? Infinity : this.#options.nowMs() + ttlMs;
    if (entry.expiresMs !== Infinity) this.wheel.add(entry, Math.ceil(entry.expiresMs));
  }

  clear(namespace: string): void {
    const entries = this.#namespaces.get(namespace);
    this.#namespaces.delete(namespace);
    if (entries !== undefined) this.#cleared.push(entries);
  }

  /** Call it when something may have got a time, or was cleared. */
  wakeLater(): void {
    if (this.#timer !== undefined || (this.wheel.size === 0 && this.#cleared.length === 0)) return;
    this.#wakeIn(this.#cleared.length > 0 ? NEXT_TURN_MS : SWEEP_EVERY_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #wakeIn(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#sweep()) this.wakeLater();
      else this.#wakeIn(NEXT_TURN_MS);
    }, ms).unref();
  }

  /** Frees at most SWEEP entries that nobody finds any more. Returns whether that was all. */
  #sweep(): boolean {
    const nowTick = Math.floor(this.#options.nowMs());
    const before = this.size;
    while (this.wheel.earliestTick <= nowTick) {
      if (before - this.size >= SWEEP) return false;
      this.wheel.advance(this.wheel.earliestTick);
    }
    this.wheel.advance(nowTick);
    for (let entries = this.#cleared[0]; entries !== undefined; entries = this.#cleared[0]) {
      for (const [key, entry] of entries) {
        if (before - this.size >= SWEEP) return false;
        entries.delete(key);
        this.remove(entry);
      }
      this.#cleared.shift();
    }
    return true;
  }

  #makeRoom(keep: Entry): void {
    if (!this.#isFull()) return;
    this.#sweep();
    for (const entry of this.#byUse) {
      if (!this.#isFull()) return;
      if (entry !== keep) this.#evict(entry);
    }
  }

  #isFull(): boolean {
    return this.bytes > this.#options.maxBytes || this.size > MAX_ENTRIES;
  }

  #evict(entry: Entry): void {
    const { namespace, key, expiresMs } = entry;
    const isFindable = expiresMs > this.#options.nowMs() && this.#namespaces.get(namespace)?.get(key) === entry;
    this.remove(entry);
    if (!isFindable) return;
    this.evictions++;
    if (!entry.isCounter) return;
    this.evictedCounters++;
    this.#options.onCounterEvicted?.();
  }
}
