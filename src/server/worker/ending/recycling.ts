/**
 * Decides when a worker should be replaced: after a number of requests (with jitter, so that workers started together do
 * not leave together), at an age (with jitter too), or when its memory has grown too large. Pure.
 */

import { count } from "../../../errors/count.ts";
import type { ServerConfig } from "../../../config/config.ts";

export interface RecyclingDue {
  readonly reason: "max-requests" | "max-age" | "max-memory";
  readonly detail: string;
}

export interface WorkerLife {
  readonly requests: number;
  readonly ageMs: number;
  readonly rssBytes: number;
}

/** Workers started together leave one after the other, spread over a fifth of their age. */
const AGE_JITTER = 0.1;

export class Recycling {
  readonly #maxRequests: number;
  readonly #maxAgeMs: number;
  readonly #maxBytes: number;

  /** `random`: 0 ≤ random < 1, drawn once per worker. */
  constructor(
    { maxRequests, maxAgeMs, maxMemoryBytes }: Pick<ServerConfig, "maxRequests" | "maxAgeMs" | "maxMemoryBytes">,
    random: number,
  ) {
    this.#maxRequests =
      maxRequests.count === 0 ? Infinity : maxRequests.count + Math.floor(random * (maxRequests.jitter + 1));
    this.#maxAgeMs = maxAgeMs === 0 ? Infinity : maxAgeMs * (1 - AGE_JITTER + 2 * AGE_JITTER * random);
    this.#maxBytes = maxMemoryBytes === 0 ? Infinity : maxMemoryBytes;
  }

  /** `ageMs`: since the worker was ready. */
  due({ requests, ageMs, rssBytes }: WorkerLife): RecyclingDue | undefined {
    if (requests >= this.#maxRequests)
      return { reason: "max-requests", detail: `${count(requests, "request")} served` };
    if (ageMs >= this.#maxAgeMs) return { reason: "max-age", detail: `${Math.round(ageMs / 1000)} s old` };
    if (rssBytes > this.#maxBytes) {
      return {
        reason: "max-memory",
        detail: `${mebibytes(rssBytes)} resident, over --max-memory ${mebibytes(this.#maxBytes)}`,
      };
    }
    return undefined;
  }
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}
