/**
 * Callbacks that are terminated in the middle: where the running JavaScript was entered from, and what Node would lose or keep behind.
 *
 * Node runs the callbacks of `setImmediate` in one call into JavaScript, and takes them from a list that only that call's variables
 * still hold. If a callback is terminated, so is the call, and the rest of the list never runs. The callbacks are linked with each
 * other, so the rest is found behind the one that was terminated, and can be linked behind one that runs later: Node then goes on
 * with them by itself. Timers and ticks need nothing of that: their lists are kept until each has run.
 *
 * Node also keeps a stack of async ids, with one for each callback that runs. The function that has called a callback takes its id off
 * afterwards. If it is terminated with it, the id stays: Node ends the process (timers), or finds a resource there that is long gone.
 * So whoever terminates a thread lets it do that first, in the frames of those functions (`unwinding`).
 */
// oxlint-disable no-underscore-dangle -- Node's names

import { executionAsyncResource } from "node:async_hooks";

interface Link {
  _idleNext: Link | null;
  _idlePrev: Link | null;
  _onImmediate: unknown;
  _destroyed: boolean;
}

/**
 * - `timer`, `immediate`: directly from such a callback. No microtask runs.
 * - `elsewhere`: from a microtask, a tick, an event.
 */
export type Entry = "timer" | "immediate" | "elsewhere";

const TIMERS_FILE = "node:internal/timers";
const TICKS_FILE = "node:internal/process/task_queues";
/** Between C++ and the callback, if the program has async hooks. */
const HOOKS_FILE = "node:internal/async_hooks";

export function entryOfStack(): Entry {
  const sites = stack()
    .filter((site) => site.getFileName() !== HOOKS_FILE)
    .toReversed();
  const name = sites[0]?.getFileName() === TIMERS_FILE ? sites[0].getFunctionName() : undefined;
  const called = sites.find((site) => site.getFileName() !== TIMERS_FILE);
  // Ticks and microtasks run between two callbacks.
  if (called?.getFileName() === TICKS_FILE) return "elsewhere";
  if (name === "processTimers") return "timer";
  return name === "processImmediate" ? "immediate" : "elsewhere";
}

/**
 * For code that is about to be terminated in the callback of an immediate. What it returns must be called by the callback of another
 * immediate, which it is given: the rest of the list runs after that one. Undefined: the list can't be found.
 *
 * If others of the list have run before, Node itself remembers where it was, and comes back to the terminated one first. That one must
 * then look as if it had not run, or Node breaks. It runs once more, and does nothing.
 */
export function keepImmediates(
  running: object = executionAsyncResource(),
): ((by: NodeJS.Immediate) => void) | undefined {
  if (!isLink(running)) return undefined;
  if (running._idlePrev !== null) {
    running._destroyed = false;
    running._onImmediate = nothing;
    countOneMore();
    return nothing;
  }
  return (by) => {
    // Read now: some may have been cleared meanwhile.
    const first = running._idleNext;
    if (first === null) return;
    let last = first;
    while (last._idleNext !== null) last = last._idleNext;
    const own = by as unknown as Link;
    const next = own._idleNext;
    own._idleNext = first;
    first._idlePrev = own;
    last._idleNext = next;
    if (next !== null) next._idlePrev = last;
    running._idleNext = null;
  };
}

/** Node counts an immediate when it is made, and off when it has run: one that was made and taken out of the list makes up for one that runs twice. */
function countOneMore(): void {
  const before = setImmediate(nothing) as unknown as Link;
  const uncounted = setImmediate(nothing).unref() as unknown as Link;
  const behind = setImmediate(nothing) as unknown as Link;
  before._idleNext = behind;
  behind._idlePrev = before;
  uncounted._idleNext = null;
  uncounted._idlePrev = null;
}

function nothing(): void {}

/** Node's functions that call a callback between `emitBefore` and `emitAfter`. */
const CALLERS: ReadonlySet<string> = new Set([
  "listOnTimeout",
  "processImmediate",
  "processTicksAndRejections",
  "runInAsyncScope",
]);

export interface PausedFrame {
  readonly callFrameId: string;
  readonly functionName: string;
}

/** What is to be evaluated in which frames of a paused thread before it is terminated, in this order. */
export function unwinding(
  frames: readonly PausedFrame[],
): readonly { readonly callFrameId: string; readonly expression: string }[] {
  const callers = frames.filter(({ functionName }) => CALLERS.has(functionName));
  // In a frame that has no callback just now, and in a function of the program with such a name, the names are unknown: nothing happens.
  return callers.map(({ callFrameId }) => ({ callFrameId, expression: "emitAfter(asyncId)" }));
}

/** For the probe: the list behind the running immediate, as its termination leaves it. */
export function loseImmediates(running: object): object {
  const lost: Link = { ...(running as Link), _idlePrev: null };
  (running as Link)._idleNext = null;
  return lost;
}

function isLink(resource: object): resource is Link {
  return "_onImmediate" in resource && "_idleNext" in resource;
}

/** All of it: the outermost is what counts. */
function stack(): NodeJS.CallSite[] {
  const { stackTraceLimit } = Error;
  const prepareStackTrace: unknown = Reflect.get(Error, "prepareStackTrace");
  const holder: { stack?: unknown } = {};
  try {
    Error.stackTraceLimit = Infinity;
    Error.prepareStackTrace = (_error, sites) => sites;
    Error.captureStackTrace(holder, stack);
    return Array.isArray(holder.stack) ? (holder.stack as NodeJS.CallSite[]).filter((site) => !site.isAsync()) : [];
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    // Unset by default.
    Reflect.set(Error, "prepareStackTrace", prepareStackTrace);
  }
}
