/**
 * A thread's current stack, and the value of an expression evaluated there, in the middle of its work. Takes a millisecond or
 * two, and less of the thread's own time.
 *
 * A thread inside a native call (`execSync`, `pbkdf2Sync`) answers when that returns. So the answer may be late, and then names
 * the call's line.
 *
 * Rejected: the stack that the debugger reports when it pauses a thread. It describes every frame with its scopes (36 MB and
 * two seconds for a recursion 30,000 deep, enough to end a worker that has little memory). If it stays enabled, it slows every
 * await of the thread tenfold.
 */

import { threadInspector } from "./thread-inspector.ts";

export interface StackFrame {
  readonly functionName: string;
  /** File path or URL, with line and column. */
  readonly location: string;
  /** Where the function begins. The same, whichever of its lines is running. */
  readonly functionStart: string;
}

export interface ThreadStack {
  /** The innermost ones, at most `MAX_FRAMES`. */
  readonly frames: readonly StackFrame[];
  /** The value of the expression. Also undefined if it is not JSON. */
  readonly value: unknown;
}

/** A recursion has a thousand times as many, all alike. */
export const MAX_FRAMES = 50;

/** undefined: the thread did not answer within `timeoutMs`, is ending or gone, or the expression throws. */
export async function lookAtThread(
  threadId: number,
  expression: string,
  timeoutMs: number,
): Promise<ThreadStack | undefined> {
  const params = {
    expression: `JSON.stringify({ sites: (${look.toString()})(${MAX_FRAMES}), value: ${expression} })`,
    returnByValue: true,
  };
  const answer = (await threadInspector().ask(threadId, "Runtime.evaluate", params, timeoutMs)) as Evaluated;
  const text = answer?.result?.value;
  // A thrown value may be a string too: V8's for code that is terminated in the middle is "illegal access".
  if (answer?.exceptionDetails !== undefined || typeof text !== "string") return undefined;
  const { sites, value } = JSON.parse(text) as { readonly sites?: readonly Site[]; readonly value?: unknown };
  return sites === undefined ? undefined : { frames: sites.map(describe), value };
}

type Evaluated = { readonly result?: { readonly value?: unknown }; readonly exceptionDetails?: object } | undefined;

/** What `look` returns, as JSON: function, file, line, column, and line and column of the function's beginning. */
type Site = readonly [name: string | null, file: string | null, ...position: (number | null)[]];

/** Sent to the thread as text and runs there, so it must use nothing of this module. */
function look(maxFrames: number): readonly Site[] | undefined {
  const { stackTraceLimit } = Error;
  const prepareStackTrace: unknown = Reflect.get(Error, "prepareStackTrace");
  const holder: { stack?: unknown } = {};
  try {
    // One more, for the expression that calls this.
    Error.stackTraceLimit = maxFrames + 1;
    Error.prepareStackTrace = (_error, sites) => sites;
    Error.captureStackTrace(holder, look);
    if (!Array.isArray(holder.stack)) return undefined;
    return (holder.stack as NodeJS.CallSite[])
      .slice(1)
      .filter((site) => !site.isAsync())
      .map((site) => [
        site.getFunctionName(),
        site.getScriptNameOrSourceURL(),
        site.getLineNumber(),
        site.getColumnNumber(),
        site.getEnclosingLineNumber(),
        site.getEnclosingColumnNumber(),
      ]);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    Reflect.set(Error, "prepareStackTrace", prepareStackTrace);
  }
}

function describe([name, file, line, column, startLine, startColumn]: Site): StackFrame {
  return {
    functionName: name || "(anonymous)",
    location: place(file, line, column),
    functionStart: place(file, startLine, startColumn),
  };
}

function place(file: string | null, line: number | null | undefined, column: number | null | undefined): string {
  if (line === null) return "native";
  const path = file?.startsWith("file://") ? decodeURIComponent(file.slice("file://".length)) : (file ?? "");
  return `${path}:${line}:${column}`;
}

/** The innermost frame of the program's own code, else of a package. undefined: only the runtime's frames are there. */
export function blamedFrame(frames: readonly StackFrame[], ownFolder: string): StackFrame | undefined {
  const foreign = frames.filter(({ location }) => location.startsWith("/") && !location.startsWith(ownFolder));
  return foreign.find(({ location }) => !location.includes("/node_modules/")) ?? foreign[0];
}

export function formatStack(frames: readonly StackFrame[]): string {
  return frames.map(({ functionName, location }) => `    at ${functionName} (${location})`).join("\n");
}
