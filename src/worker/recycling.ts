/**
 * When a worker has done enough and should be replaced: after so many requests (with jitter, so that workers started
 * together do not leave together), or when it has grown too large. Pure.
 */

import type { ServerConfig } from "../config/config.ts";

export interface RecyclingDue {
  readonly reason: "max-requests" | "max-memory";
  readonly detail: string;
}

export class Recycling {
  readonly #maxRequests: number;
  readonly #maxBytes: number;

  /** `random`: 0 ≤ random < 1, drawn once per worker. */
  constructor({ maxRequests, maxMemoryBytes }: Pick<ServerConfig, "maxRequests" | "maxMemoryBytes">, random: number) {
    this.#maxRequests =
      maxRequests.count === 0 ? Infinity : maxRequests.count + Math.floor(random * (maxRequests.jitter + 1));
    this.#maxBytes = maxMemoryBytes === 0 ? Infinity : maxMemoryBytes;
  }

  due(requests: number, rssBytes: number): RecyclingDue | undefined {
    if (requests >= this.#maxRequests) return { reason: "max-requests", detail: `${requests} requests served` };
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
