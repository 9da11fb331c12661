/**
 * Where tasks were started, for the report of a program that hangs. Taking a stack costs about a microsecond and some hundred
 * bytes, as much as a short task. So only some tasks have a site: at most `MOST` living ones, and no more than one for each
 * millisecond after the first `MOST`. A program that hangs has few tasks, or many of a kind.
 */

import { runQueue } from "../run-queue.ts";
import { ownFrames } from "./stack-frames.ts";

const MOST = 1000;
/** Frames of this library are dropped, so some more are needed. */
const FRAMES = 6;

export type Stack = { readonly stack?: unknown };

const sites = new Map<object, Stack>();
/** Starts without a token between two reads of the clock. */
const UNWATCHED = 32;

let tokens = MOST;
let sinceMs = 0;
let unwatched = UNWATCHED;

/** Call it in `caller`, which the user's code has called. `task`: whatever stands for the task. */
export function rememberSite(task: object, caller: (...args: never[]) => unknown): void {
  if ((tokens === 0 && !refill()) || sites.size >= MOST) return;
  tokens--;
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

/** Takes a task's site out, so that nothing here holds the task, until `restoreSite`. */
export function takeSite(task: object): Stack | undefined {
  const site = sites.get(task);
  sites.delete(task);
  return site;
}

export function restoreSite(task: object, site: Stack): void {
  sites.set(task, site);
}

/** A stack holds the functions in it, and so what they refer to, until it is read. */
export function releaseFunctions(): void {
  for (const site of sites.values()) void site.stack;
}

/** A token for each millisecond. */
function refill(): boolean {
  if (--unwatched > 0) return false;
  unwatched = UNWATCHED;
  const nowMs = runQueue.nowMs();
  tokens = Math.min(MOST, Math.floor(nowMs - sinceMs));
  sinceMs = nowMs;
  return tokens > 0;
}
