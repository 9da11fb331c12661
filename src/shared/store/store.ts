/**
 * The store itself: a bounded map from namespace and key to a value. The arbiter has one for all instances; a program without a
 * server has its own. It runs no user code, and knows of a value only whether it is a number.
 *
 *   perform(request, client, reply)   one operation, at once; only a claim may be answered later
 *
 * Invariants
 * - All entries together cost at most `maxBytes`. A new one evicts those that were used least recently.
 * - An entry whose time is over is never seen. It is freed by the wheel, with at most SWEEP entries in one turn of the loop.
 * - `clear` takes the namespace's map away at once, and frees its entries by and by like those that have expired.
 * - There is one timer, not one for each entry, and it keeps no process alive.
 *
 * Rejected: to refuse `set` when it is full. A cache would stand still with what it has, and each caller would need a plan for it.
 * Rejected: to evict values before counters. A flood of clients makes counters, and would evict every session.
 */

import { LinkedList } from "../../kit/linked-list.ts";
import { TimerWheel } from "../../kit/timer-wheel.ts";
import { type Answer, KEEP_TTL, KIND, NO_TTL, NOTHING, OP, type Request, STATUS } from "../protocol.ts";
import { bytesOf, type Content, contentOf, costOf, Entry } from "./entry.ts";
import { type Client, Leases } from "./leases.ts";

export interface StoreOptions {
  readonly maxBytes: number;
  readonly maxValueBytes: number;
  readonly nowMs: () => number;
  /** A counter that has not expired was evicted: a limit is forgotten. */
  readonly onCounterEvicted?: () => void;
}

export interface StoreReport {
  readonly entries: number;
  readonly bytes: number;
  readonly maxBytes: number;
  readonly operations: number;
  /** Entries that had to make room, and how many of them were numbers. */
  readonly evictions: number;
  readonly evictedCounters: number;
}

export type Reply = (answer: Answer) => void;

/** Freed in one turn of the loop: some milliseconds at most. */
const SWEEP = 5000;
const SWEEP_EVERY_MS = 500;
const NEXT_TURN_MS = 1;
/** A time that is just over is not NO_TTL. */
const LEAST_MS = 0.001;
/** V8's maps end at 2^24 entries. */
const MAX_ENTRIES = 2 ** 23;

export class Store {
  readonly #options: StoreOptions;
  readonly #namespaces = new Map<string, Map<string, Entry>>();
  readonly #byUse = new LinkedList<Entry>();
  readonly #wheel: TimerWheel;
  readonly #leases: Leases;
  /** Maps of cleared namespaces, whose entries are still to be freed. */
  readonly #cleared: Map<string, Entry>[] = [];
  readonly #onExpired = (entry: Entry): void => this.#remove(entry);
  #timer: NodeJS.Timeout | undefined;
  #bytes = 0;
  #versions = 0;
  #operations = 0;
  #evictions = 0;
  #evictedCounters = 0;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#wheel = new TimerWheel(Math.floor(options.nowMs()));
    this.#leases = new Leases(this.#wheel, options.nowMs);
  }

  get report(): StoreReport {
    return {
      entries: this.#byUse.size,
      bytes: this.#bytes,
      maxBytes: this.#options.maxBytes,
      operations: this.#operations,
      evictions: this.#evictions,
      evictedCounters: this.#evictedCounters,
    };
  }

  get maxValueBytes(): number {
    return this.#options.maxValueBytes;
  }

  perform(request: Request, client: Client, reply: Reply): void {
    this.#operations++;
    if (request.op === OP.claim) this.#claim(request, client, reply);
    else reply(this.#answer(request));
    this.#wakeLater();
  }

  /** Its leases are passed on. */
  gone(client: Client): void {
    this.#leases.gone(client);
  }

  /** Nothing more is asked. */
  close(): void {
    clearTimeout(this.#timer);
  }

  #answer(request: Request): Answer {
    const { namespace, key, number, ttlMs } = request;
    const entry = this.#find(namespace, key);
    switch (request.op) {
      case OP.get:
        return entry === undefined ? no() : this.#found(entry);
      case OP.set:
        return this.#store(request, entry);
      case OP.add:
        return entry === undefined ? this.#store(request, undefined) : no();
      case OP.touch:
        if (entry === undefined) return no();
        this.#schedule(entry, ttlMs);
        return ok();
      case OP.delete:
        if (entry !== undefined) this.#remove(entry);
        this.#leases.deleted(namespace, key);
        return entry === undefined ? no() : ok();
      case OP.increment:
        return this.#increment(request, entry);
      case OP.replace:
        if ((entry?.version ?? 0) === number) return this.#replace(request, entry);
        // What it is now, for the next try.
        return entry === undefined ? no() : { ...this.#found(entry), status: STATUS.no };
      case OP.fill:
        return this.#fill(request, entry);
      case OP.release:
        return this.#leases.end(namespace, key, number) ? ok() : no();
      case OP.clear:
        return this.#clear(namespace);
      default:
        // `hello` is answered by the connection.
        return ok();
    }
  }

  #claim({ namespace, key, ttlMs }: Request, client: Client, reply: Reply): void {
    const entry = this.#find(namespace, key);
    if (entry !== undefined) return reply(this.#found(entry));
    this.#leases.claim(namespace, key, {
      client,
      leaseMs: ttlMs,
      grant: (lease) => reply({ ...ok(), status: STATUS.granted, number: lease }),
      found: () => {
        const made = this.#find(namespace, key);
        reply(made === undefined ? { ...ok(), status: STATUS.granted } : this.#found(made));
      },
    });
  }

  #fill(request: Request, entry: Entry | undefined): Answer {
    if (!this.#leases.isCurrent(request.namespace, request.key, request.number)) return no();
    return this.#store(request, entry);
  }

  #replace(request: Request, entry: Entry | undefined): Answer {
    if (request.kind !== KIND.none) return this.#store(request, entry);
    if (entry !== undefined) this.#remove(entry);
    this.#leases.deleted(request.namespace, request.key);
    return ok();
  }

  #increment({ namespace, key, number, ttlMs }: Request, entry: Entry | undefined): Answer {
    if (entry === undefined) {
      const made = this.#put(namespace, key, number);
      this.#schedule(made, ttlMs);
      return this.#found(made);
    }
    if (typeof entry.content !== "number") return { ...no(), status: STATUS.notANumber };
    const sum = entry.content + number;
    if (!Number.isFinite(sum)) return { ...no(), status: STATUS.notANumber };
    entry.content = sum;
    entry.version = ++this.#versions;
    return this.#found(entry);
  }

  #store(request: Request, entry: Entry | undefined): Answer {
    const { namespace, key, kind, value, ttlMs } = request;
    const content = contentOf(kind, value);
    const cost = costOf(namespace, key, content);
    if (value.length > this.#options.maxValueBytes || cost > this.#options.maxBytes) {
      return { ...no(), status: STATUS.tooLarge };
    }
    if (entry === undefined) {
      this.#schedule(this.#put(namespace, key, content), ttlMs);
      return ok();
    }
    this.#bytes += cost - entry.bytes;
    entry.content = content;
    entry.version = ++this.#versions;
    this.#schedule(entry, ttlMs);
    this.#makeRoom(entry);
    return ok();
  }

  #found(entry: Entry): Answer {
    const { content, expiresMs, version } = entry;
    const isNumber = typeof content === "number";
    return {
      status: STATUS.ok,
      kind: isNumber ? KIND.number : KIND.bytes,
      ttlMs: expiresMs === Infinity ? NO_TTL : Math.max(LEAST_MS, expiresMs - this.#options.nowMs()),
      number: isNumber ? content : 0,
      version,
      value: bytesOf(content),
    };
  }

  /** Used now, so evicted last. */
  #find(namespace: string, key: string): Entry | undefined {
    const entry = this.#namespaces.get(namespace)?.get(key);
    if (entry === undefined) return undefined;
    if (entry.expiresMs <= this.#options.nowMs()) {
      this.#remove(entry);
      return undefined;
    }
    this.#byUse.remove(entry);
    this.#byUse.add(entry);
    return entry;
  }

  #put(namespace: string, key: string, content: Content): Entry {
    const entry = new Entry(namespace, key, content, this.#onExpired);
    entry.version = ++this.#versions;
    let entries = this.#namespaces.get(namespace);
    if (entries === undefined) this.#namespaces.set(namespace, (entries = new Map()));
    entries.set(key, entry);
    this.#byUse.add(entry);
    this.#bytes += entry.bytes;
    this.#makeRoom(entry);
    this.#leases.found(namespace, key);
    return entry;
  }

  #remove(entry: Entry): void {
    const { namespace, key } = entry;
    // It is still in the map of a cleared namespace.
    if (!entry.isStored) return;
    entry.isStored = false;
    this.#wheel.remove(entry);
    this.#byUse.remove(entry);
    this.#bytes -= entry.bytes;
    const entries = this.#namespaces.get(namespace);
    // Not if its namespace was cleared, and has a new map.
    if (entries?.get(key) !== entry) return;
    entries.delete(key);
    if (entries.size === 0) this.#namespaces.delete(namespace);
  }

  #schedule(entry: Entry, ttlMs: number): void {
    if (ttlMs === KEEP_TTL) return;
    this.#wheel.remove(entry);
    entry.expiresMs = ttlMs === NO_TTL ? Infinity : this.#options.nowMs() + ttlMs;
    if (entry.expiresMs !== Infinity) this.#wheel.add(entry, Math.ceil(entry.expiresMs));
  }

  #makeRoom(keep: Entry): void {
    if (!this.#isFull()) return;
    this.#sweep();
    for (const entry of this.#byUse) {
      if (!this.#isFull()) return;
      if (entry === keep) continue;
      this.#evict(entry);
    }
  }

  #isFull(): boolean {
    return this.#bytes > this.#options.maxBytes || this.#byUse.size > MAX_ENTRIES;
  }

  #evict(entry: Entry): void {
    const isSeen =
      entry.expiresMs > this.#options.nowMs() && this.#namespaces.get(entry.namespace)?.get(entry.key) === entry;
    this.#remove(entry);
    if (!isSeen) return;
    this.#evictions++;
    if (!entry.isCounter) return;
    this.#evictedCounters++;
    this.#options.onCounterEvicted?.();
  }

  #clear(namespace: string): Answer {
    const entries = this.#namespaces.get(namespace);
    this.#namespaces.delete(namespace);
    this.#leases.cleared(namespace);
    if (entries !== undefined) this.#cleared.push(entries);
    return ok();
  }

  /** Frees at most SWEEP entries that nobody sees any more. Returns whether that was all. */
  #sweep(): boolean {
    const nowTick = Math.floor(this.#options.nowMs());
    const before = this.#byUse.size;
    while (this.#wheel.earliestTick <= nowTick) {
      if (before - this.#byUse.size >= SWEEP) return false;
      this.#wheel.advance(this.#wheel.earliestTick);
    }
    this.#wheel.advance(nowTick);
    for (let entries = this.#cleared[0]; entries !== undefined; entries = this.#cleared[0]) {
      for (const [key, entry] of entries) {
        if (before - this.#byUse.size >= SWEEP) return false;
        entries.delete(key);
        this.#remove(entry);
      }
      this.#cleared.shift();
    }
    return true;
  }

  #wakeLater(): void {
    if (this.#timer !== undefined || (this.#wheel.size === 0 && this.#cleared.length === 0)) return;
    this.#wakeIn(this.#cleared.length > 0 ? NEXT_TURN_MS : SWEEP_EVERY_MS);
  }

  #wakeIn(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#sweep()) this.#wakeLater();
      else this.#wakeIn(NEXT_TURN_MS);
    }, ms).unref();
  }
}

function ok(): Answer {
  return { status: STATUS.ok, kind: KIND.none, ttlMs: NO_TTL, number: 0, version: 0, value: NOTHING };
}

function no(): Answer {
  return { status: STATUS.no, kind: KIND.none, ttlMs: NO_TTL, number: 0, version: 0, value: NOTHING };
}
