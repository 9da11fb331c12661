/**
 * Which code is a part of a supervisor's start of a child. While it runs the supervisor answers nobody, so what it asks its own
 * supervisor, and waits for, would never be answered.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { perThread } from "../../kit/per-thread.ts";
import type { Pid } from "../process/pid.ts";

interface OwnStart {
  readonly supervisor: Pid;
  isOver: boolean;
}

const starts: AsyncLocalStorage<OwnStart> = perThread("own starts", () => new AsyncLocalStorage<OwnStart>());

/** Calls the start function of a child. */
export async function runStart(supervisor: Pid, start: () => unknown): Promise<unknown> {
  const own: OwnStart = { supervisor, isOver: false };
  try {
    return await starts.run(own, start);
  } finally {
    own.isOver = true;
  }
}

export function isInStartOf(supervisor: Pid): boolean {
  const own = starts.getStore();
  return own?.supervisor === supervisor && !own.isOver;
}
