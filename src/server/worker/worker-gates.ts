/**
 * The gates of a worker, on its acceptor: their shared memory, made once for the server and for each route with a limit, which outlives
 * the threads; and what decides on adaptive limits.
 */

import type { Limit } from "../../config/config.ts";
import { monotonicMs } from "../../kit/clock.ts";
import { SharedSemaphore } from "../../kit/shared-semaphore.ts";
import { AdaptiveLimit, type AdaptiveReport } from "../http/admit/adaptive/adaptive-limit.ts";
import { createLedger, type GateHandle } from "../http/admit/gate.ts";
import { share, shareLimit } from "./limit-shares.ts";
import type { LimitedRoute } from "./serving/serving-protocol.ts";
import type { GateShare } from "./worker-protocol.ts";

/** `limit: 0` turns the server's gate off. */
const MAX_LIMIT = 0x7fffffff;

/** How often adaptive limits are looked at: five times in the shortest window. */
const LOOK_MS = 25;

export type GateHandles = Readonly<Record<string, GateHandle>>;

export class WorkerGates {
  readonly #slot: number;
  readonly #slots = new Map<string, SharedSemaphore>();
  readonly #adaptive = new Map<string, AdaptiveLimit>();
  readonly #limited = new Map<string, LimitedRoute>();
  /** How many workers share the server's limits. */
  #workers = 1;

  constructor(slot: number, ofServer: GateShare) {
    this.#slot = slot;
    this.resize(ofServer);
  }

  /** This worker's share of the server's limits has changed. */
  resize({ limit, queue, workers }: GateShare): void {
    this.#workers = workers;
    this.#set("*", limit, queue);
    for (const { name, ...route } of this.#limited.values()) this.#set(name, ...this.#shareOf(route));
  }

  /** The gates for one thread more. */
  open(limited: readonly LimitedRoute[]): GateHandles {
    for (const route of limited) {
      if (this.#slots.has(route.name)) continue;
      this.#limited.set(route.name, route);
      this.#set(route.name, ...this.#shareOf(route));
    }
    return Object.fromEntries(
      [...this.#slots].map(([name, { handle }]) => {
        const adaptive = this.#adaptive.get(name);
        const gate = { slots: handle, ledger: createLedger() };
        return [name, adaptive === undefined ? gate : { ...gate, adaptive: adaptive.memory() }];
      }),
    );
  }

  /** The thread that had these is gone. */
  settle(gates: GateHandles): void {
    for (const [name, { adaptive }] of Object.entries(gates)) {
      if (adaptive !== undefined) this.#adaptive.get(name)?.settle(adaptive);
    }
  }

  report(): readonly AdaptiveReport[] {
    return [...this.#adaptive].map(([name, limit]) => limit.report(name));
  }

  #set(name: string, limit: Limit, queue: number): void {
    if (typeof limit !== "number") {
      this.#setAdaptive(name, limit, queue);
      return;
    }
    const most = name === "*" ? limit || MAX_LIMIT : limit;
    const slots = this.#slots.get(name);
    if (slots === undefined) this.#slots.set(name, SharedSemaphore.create(most, queue));
    else slots.resize(most, queue);
  }

  #setAdaptive(name: string, limit: Exclude<Limit, number>, queue: number): void {
    const known = this.#adaptive.get(name);
    if (known !== undefined) {
      known.resize(limit, queue);
      return;
    }
    const adaptive = new AdaptiveLimit(limit, queue);
    this.#adaptive.set(name, adaptive);
    this.#slots.set(name, adaptive.slots);
    if (this.#adaptive.size === 1) setInterval(this.#look, LOOK_MS).unref();
  }

  readonly #look = (): void => {
    const nowMs = monotonicMs();
    for (const limit of this.#adaptive.values()) limit.look(nowMs);
  };

  #shareOf({ limit, queue, isOfServer }: Omit<LimitedRoute, "name">): [limit: Limit, queue: number] {
    if (!isOfServer) return [limit, queue];
    return [shareLimit(limit, this.#slot, this.#workers), share(queue, this.#slot, this.#workers)];
  }
}
