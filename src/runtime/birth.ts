/**
 * The data that the runtime gave this thread at its start, if the runtime started it. It comes in the thread's `workerData`,
 * where a program puts its own threads' data too. Two things keep them apart.
 *
 * - It is removed from `workerData` when it is first read. Code that runs here does not see it, and may pass its own
 *   `workerData` to threads of its own.
 * - It is recognised by parts that no program has there by accident: shared memory and ports, in their places.
 */

import { MessagePort, workerData } from "node:worker_threads";
import { perThread } from "../kit/per-thread.ts";
import type { Birth } from "./threads/thread-protocol.ts";

type Told = Birth["heddleRuntime"];

/** Undefined: the runtime did not start this thread. */
export function birth(): Told | undefined {
  return perThread<{ readonly told: Told | undefined }>("birth", () => ({ told: take() })).told;
}

function take(): Told | undefined {
  if (typeof workerData !== "object" || workerData === null) return undefined;
  const data = workerData as { heddleRuntime?: unknown };
  const { heddleRuntime } = data;
  if (!isTold(heddleRuntime)) return undefined;
  delete data.heddleRuntime;
  return heddleRuntime;
}

function isTold(value: unknown): value is Told {
  if (typeof value !== "object" || value === null) return false;
  const { board, peers } = value as Partial<Record<keyof Told, unknown>>;
  if (!(board instanceof SharedArrayBuffer) || !Array.isArray(peers) || peers.length === 0) return false;
  return peers.every((peer: { readonly port?: unknown } | null) => peer?.port instanceof MessagePort);
}
