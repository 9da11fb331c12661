/**
 * Where the running JavaScript was entered from, and the immediates that Node would lose if it is terminated there.
 *
 * Node runs the callbacks of `setImmediate` in one call into JavaScript, and takes them from a list that only that call's variables
 * still hold. If a callback is terminated, so is the call, and the rest of the list never runs. The callbacks are linked with each
 * other, so the rest is found behind the one that was terminated, and can be linked behind one that runs later: Node then goes on
 * with them by itself. Timers and ticks need nothing of that: their lists are kept until each has run.
 */
// oxlint-disable no-underscore-dangle -- Node's names

import { executionAsyncResource } from "node:async_hooks";

interface Link {
  _idleNext: Link | null;
  _idlePrev: Link | null;
  readonly _onImmediate: unknown;
}

/**
 * - `timer`, `immediate`: directly from such a callback. No microtask runs.
 * - `elsewhere`: from a microtask, a tick, an event.
 */
export type Entry = "timer" | "immediate" | "elsewhere";

const TIMERS_FILE = "node:internal/timers";

export function entryOfStack(): Entry {
  const outermost = stack().toReversed();
  const own = outermost.findIndex((site) => site.getFileName() !== TIMERS_FILE);
  const names = outermost.slice(0, own === -1 ? undefined : own).map((site) => site.getFunctionName());
  // It runs ticks and microtasks between two callbacks.
  if (names.length === 0 || names.includes("runNextTicks")) return "elsewhere";
  if (names[0] === "processTimers") return "timer";
  return names[0] === "processImmediate" ? "immediate" : "elsewhere";
}

/**
 * For code that is about to be terminated in the callback of an immediate. What it returns must be called by the callback of another
 * immediate, which it is given: the rest of the list runs after that one. Undefined: the list can't be found.
 */
export function keepImmediates(
  running: object = executionAsyncResource(),
): ((by: NodeJS.Immediate) => void) | undefined {
  if (!isLink(running)) return undefined;
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

/** For the probe: the list behind the running immediate, as its termination leaves it. */
export function loseImmediates(running: object): object {
  const { _idleNext, _idlePrev, _onImmediate } = running as Link;
  const lost: Link = { _idleNext, _idlePrev, _onImmediate };
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
