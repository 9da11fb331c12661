/**
 * Where tasks were started, for the report of a program that hangs. Taking a stack costs about a microsecond and some hundred
 * bytes, as much as a short task. So only some tasks have a site: at most `MOST` living ones, and no more than one for each
 * millisecond after the first `MOST`. A program that hangs has few tasks, or many of a kind.
 */

import { runQueue } from "../../runtime/run-queue.ts";
import { ownFrames } from "./stack-frames.ts";

const MOST = 1000;
/** Frames of this library are dropped, so some more are needed. */
const FRAMES = 6;

type Stack = { readonly stack?: unknown };

const sites = new Map<object, Stack>();
let tokens = MOST;
let sinceMs = 0;

/** Call it in `caller`, which the user's code has called. `task`: whatever stands for the task. */
export function rememberSite(task: object, caller: (...args: never[]) => unknown): void {
  if (sites.size >= MOST || !mayTake()) return;
  const { stackTraceLimit } = Error;
  const site: Stack = {};
  Error.stackTraceLimit = FRAMES;
  Error.captureStackTrace(site, caller);
  Error.stackTraceLimit = stackTraceLimit;
  sites.set(task, site);
}

/** The task has ended. */
export function forgetSite(task: object): void {
  if (sites.size > 0) sites.delete(task);
}

/** The line that started it. */
export function siteOf(task: object): string | undefined {
  return ownFrames(sites.get(task)?.stack)[0];
}

function mayTake(): boolean {
  if (tokens < 1) {
    const nowMs = runQueue.nowMs();
    tokens = Math.min(MOST, Math.floor(nowMs - sinceMs));
    sinceMs = nowMs;
    if (tokens < 1) return false;
  }
  tokens--;
  return true;
}
