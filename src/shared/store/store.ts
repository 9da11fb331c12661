/**
 * The store: what each operation does with the entries. The arbiter has one for all instances; a program without a server has its
 * own. It runs no user code, and knows of a value only whether it is a number.
 *
 *   perform(request, client, reply)   one operation, at once; only a claim may be answered later
 *
 * Memory and time are those of `entries.ts`, who makes a missing value is decided in `leases.ts`.
 */

import { type Answer, KIND, NO_TTL, NOTHING, OP, type Request, STATUS } from "../protocol.ts";
import { Entries, type EntriesOptions } from "./entries.ts";
import { bytesOf, contentOf, costOf, type Entry } from "./entry.ts";
import { type Client, Leases } from "./leases.ts";

export interface StoreOptions extends EntriesOptions {
  readonly maxValueBytes: number;
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

/** A time that is just over is not NO_TTL. */
const LEAST_MS = 0.001;

export class Store {
  readonly #options: StoreOptions;
  readonly #entries: Entries;
  readonly #leases: Leases;
  #operations = 0;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#entries = new Entries(options);
    this.#leases = new Leases(this.#entries.wheel, options.nowMs);
  }

  get report(): StoreReport {
    const { size, bytes, evictions, evictedCounters } = this.#entries;
    const { maxBytes } = this.#options;
    return { entries: size, bytes, maxBytes, operations: this.#operations, evictions, evictedCounters };
  }

  get maxValueBytes(): number {
    return this.#options.maxValueBytes;
  }

  perform(request: Request, client: Client, reply: Reply): void {
    this.#operations++;
    if (request.op === OP.claim) this.#claim(request, client, reply);
    else reply(this.#answer(request));
    this.#entries.wakeLater();
  }

  /** Its leases are passed on. */
  gone(client: Client): void {
    this.#leases.gone(client);
  }

  /** Nothing more is asked. */
  close(): void {
    this.#entries.close();
  }

  #answer(request: Request): Answer {
    const { namespace, key, number, ttlMs } = request;
    const entry = this.#entries.find(namespace, key);
    switch (request.op) {
      case OP.get:
        return entry === undefined ? no() : this.#found(entry);
      case OP.set:
        return this.#store(request, entry);
      case OP.add:
        return entry === undefined ? this.#store(request, undefined) : no();
      case OP.touch:
        if (entry === undefined) return no();
        this.#entries.schedule(entry, ttlMs);
        return ok();
      case OP.delete:
        if (entry !== undefined) this.#entries.remove(entry);
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
        this.#entries.clear(namespace);
        this.#leases.cleared(namespace);
        return ok();
      default:
        // `hello` is answered by the connection.
        return ok();
    }
  }

  #claim({ namespace, key, ttlMs }: Request, client: Client, reply: Reply): void {
    const entry = this.#entries.find(namespace, key);
    if (entry !== undefined) return reply(this.#found(entry));
    this.#leases.claim(namespace, key, {
      client,
      leaseMs: ttlMs,
      grant: (lease) => reply({ ...ok(), status: STATUS.granted, number: lease }),
      found: () => {
        const made = this.#entries.find(namespace, key);
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
    if (entry !== undefined) this.#entries.remove(entry);
    this.#leases.deleted(request.namespace, request.key);
    return ok();
  }

  #increment({ namespace, key, number, ttlMs }: Request, entry: Entry | undefined): Answer {
    if (entry === undefined) {
      const made = this.#entries.add(namespace, key, number);
      this.#entries.schedule(made, ttlMs);
      this.#leases.found(namespace, key);
      return this.#found(made);
    }
    if (typeof entry.content !== "number") return { ...no(), status: STATUS.notANumber };
    const sum = entry.content + number;
    if (!Number.isFinite(sum)) return { ...no(), status: STATUS.notANumber };
    this.#entries.change(entry, sum);
    return this.#found(entry);
  }

  #store(request: Request, entry: Entry | undefined): Answer {
    const { namespace, key, kind, value, ttlMs } = request;
    const content = contentOf(kind, value);
    const cost = costOf(namespace, key, content);
    if (value.length > this.#options.maxValueBytes || cost > this.#options.maxBytes) {
      return { ...no(), status: STATUS.tooLarge };
    }
    if (entry !== undefined) this.#entries.change(entry, content);
    this.#entries.schedule(entry ?? this.#entries.add(namespace, key, content), ttlMs);
    this.#leases.found(namespace, key);
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
}

function ok(): Answer {
  return { status: STATUS.ok, kind: KIND.none, ttlMs: NO_TTL, number: 0, version: 0, value: NOTHING };
}

function no(): Answer {
  return { status: STATUS.no, kind: KIND.none, ttlMs: NO_TTL, number: 0, version: 0, value: NOTHING };
}
