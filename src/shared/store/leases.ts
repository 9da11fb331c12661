/**
 * Who makes a value that is missing, when many ask for it at once: `getOrSet`. The first who claims a key gets a lease, and
 * makes the value. The others wait for it. A lease ends
 *
 *   filled     with a value, which all who wait get
 *   passed on  to the next who waits: its holder has failed, has gone (its connection closed), or took longer than it may
 *   void       a value was set meanwhile, which those who wait get; or the key was deleted, and the value that is being made
 *              may be older than that: the next who waits makes it anew
 *
 * A holder whose lease has ended fills nothing: its value is dropped.
 *
 * Invariants
 * - A key has at most one lease. Whoever waits is answered exactly once, or has gone.
 * - A client has at most MAX_CLAIMS leases and claims that wait. Beyond, it is told to make the value for itself.
 */

import type { Deadline, TimerWheel } from "../../kit/timer-wheel.ts";
import { NO_TTL } from "../protocol.ts";

/** A connection, or the program itself if there is no server. */
export interface Client {
  /** What it holds, and what it waits for. */
  readonly claims: Set<Lease | Waiting>;
}

export interface Claim {
  readonly client: Client;
  /** How long it may hold the lease, or NO_TTL. */
  readonly leaseMs: number;
  /** `lease`: it makes the value. 0: for itself only. */
  grant(lease: number): void;
  /** The value is there now. */
  found(): void;
}

/** 0 is no lease. */
const FOR_ITSELF = 0;
const MAX_CLAIMS = 1024;

interface Lease extends Deadline {
  readonly id: string;
  holder: Client;
  number: number;
  readonly waiting: Set<Waiting>;
}

interface Waiting {
  readonly claim: Claim;
  readonly lease: Lease;
}

export class Leases {
  readonly #leases = new Map<string, Lease>();
  readonly #wheel: TimerWheel;
  readonly #nowMs: () => number;
  #last = 0;

  constructor(wheel: TimerWheel, nowMs: () => number) {
    this.#wheel = wheel;
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#leases.size;
  }

  /** The key has no value. */
  claim(namespace: string, key: string, claim: Claim): void {
    const { claims } = claim.client;
    if (claims.size >= MAX_CLAIMS) return claim.grant(FOR_ITSELF);
    const id = idOf(namespace, key);
    const lease = this.#leases.get(id);
    if (lease !== undefined) {
      const waiting: Waiting = { claim, lease };
      lease.waiting.add(waiting);
      claims.add(waiting);
      return;
    }
    this.#grant(this.#make(id, claim.client), claim);
  }

  /** Whether this is the key's lease. It is ended. */
  end(namespace: string, key: string, number: number): boolean {
    const lease = this.#leases.get(idOf(namespace, key));
    if (lease?.number !== number) return false;
    this.#passOn(lease);
    return true;
  }

  isCurrent(namespace: string, key: string, number: number): boolean {
    return this.#leases.get(idOf(namespace, key))?.number === number;
  }

  /** The key has a value. */
  found(namespace: string, key: string): void {
    if (this.#leases.size === 0) return;
    const lease = this.#leases.get(idOf(namespace, key));
    if (lease === undefined) return;
    this.#remove(lease);
    for (const waiting of lease.waiting) {
      waiting.claim.client.claims.delete(waiting);
      waiting.claim.found();
    }
  }

  /** The key was deleted. */
  deleted(namespace: string, key: string): void {
    if (this.#leases.size === 0) return;
    const lease = this.#leases.get(idOf(namespace, key));
    if (lease !== undefined) this.#passOn(lease);
  }

  cleared(namespace: string): void {
    for (const lease of this.#leases.values()) if (lease.id.startsWith(idOf(namespace, ""))) this.#passOn(lease);
  }

  gone(client: Client): void {
    const held: Lease[] = [];
    for (const each of client.claims) {
      if ("holder" in each) held.push(each);
      else each.lease.waiting.delete(each);
    }
    client.claims.clear();
    // Now none of them is passed on to itself.
    for (const lease of held) this.#passOn(lease);
  }

  #make(id: string, holder: Client): Lease {
    const lease: Lease = {
      id,
      holder,
      number: FOR_ITSELF,
      waiting: new Set(),
      dueTick: 0,
      previousDue: undefined,
      nextDue: undefined,
      expire: () => this.#passOn(lease),
    };
    this.#leases.set(id, lease);
    return lease;
  }

  #grant(lease: Lease, claim: Claim): void {
    lease.holder = claim.client;
    lease.number = ++this.#last;
    claim.client.claims.add(lease);
    if (claim.leaseMs !== NO_TTL) this.#wheel.add(lease, Math.ceil(this.#nowMs() + claim.leaseMs));
    claim.grant(lease.number);
  }

  #passOn(lease: Lease): void {
    lease.holder.claims.delete(lease);
    this.#wheel.remove(lease);
    const [next] = lease.waiting;
    if (next === undefined) {
      this.#leases.delete(lease.id);
      return;
    }
    lease.waiting.delete(next);
    next.claim.client.claims.delete(next);
    this.#grant(lease, next.claim);
  }

  #remove(lease: Lease): void {
    lease.holder.claims.delete(lease);
    this.#wheel.remove(lease);
    this.#leases.delete(lease.id);
  }
}

/** A length first: the names may have any characters. */
function idOf(namespace: string, key: string): string {
  return `${namespace.length}:${namespace}${key}`;
}
