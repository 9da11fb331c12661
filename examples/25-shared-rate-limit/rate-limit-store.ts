// A store for express-rate-limit, whose counters are in `heddle/shared`.

import type { ClientRateLimitInfo, Options, Store } from "express-rate-limit";
import { namespace, type SharedEntry, type SharedMap } from "../../src/shared/index.ts"; // in your project: from "heddle/shared"

export class SharedRateLimitStore implements Store {
  /** Keys of one store are those of no other: its name is. */
  readonly localKeys: boolean = false;
  readonly #hits: SharedMap;
  #windowMs = 60_000;

  /** `name`: one for each limiter. */
  constructor(name: string) {
    this.#hits = namespace(`rate limit: ${name}`);
  }

  init({ windowMs }: Options): void {
    this.#windowMs = windowMs;
  }

  async get(key: string): Promise<ClientRateLimitInfo | undefined> {
    const entry = await this.#hits.entry<number>(key);
    return entry && infoOf(entry);
  }

  /** The window begins with its first hit: later ones do not extend it. */
  async increment(key: string): Promise<ClientRateLimitInfo> {
    return infoOf(await this.#hits.increment(key, 1, { ttlMs: this.#windowMs }));
  }

  /** If the window is over, there is nothing to take back. */
  async decrement(key: string): Promise<void> {
    await this.#hits.update<number>(key, (hits) => hits && Math.max(0, hits - 1));
  }

  async resetKey(key: string): Promise<void> {
    await this.#hits.delete(key);
  }

  resetAll(): Promise<void> {
    return this.#hits.clear();
  }
}

function infoOf({ value, expiresInMs = 0 }: SharedEntry<number>): ClientRateLimitInfo {
  return { totalHits: value, resetTime: new Date(Date.now() + expiresInMs) };
}
