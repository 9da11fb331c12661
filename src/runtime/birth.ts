/**
 * What the runtime has told this thread at its start, if it has started it. It comes in the thread's `workerData`, as data of
 * a program's own threads does, so two things keep them apart.
 *
 * - It is taken out of `workerData` when it is first asked for: code that runs here sees none of it, and may pass its data on
 *   to threads of its own.
 * - It is taken for the runtime's only with what no program has by accident: shared memory, and ports, in their places.
 */

import { MessagePort, workerData } from "node:worker_threads";
import { perThread } from "../kit/per-thread.ts";
import type { Birth } from "./threads/thread-protocol.ts";

type Told = Birth["heddleRuntime"];

/** Undefined: the runtime has not started this thread. */
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
