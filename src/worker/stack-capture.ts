/**
 * The stack of a thread that is blocked right now, and the request it is blocked for: through the inspector the thread
 * evaluates one expression in the middle of what it does. Takes a millisecond or two, of the thread's own time less.
 *
 * A thread inside a native call (`execSync`, `pbkdf2Sync`) answers when that returns, so the answer may come late and then
 * names the call's line.
 *
 * Rejected: pausing it with the debugger. That describes every frame with its scopes (36 MB and two seconds for a
 * recursion 30,000 deep, enough to end a worker that has little memory), and holds the thread until this one gets to
 * let it go. A debugger left attached slows every await of the thread tenfold.
 */

import { Session } from "node:inspector";
import { PROBE_EXPRESSION, type ProbeAnswer } from "./probe.ts";

export interface StackFrame {
  readonly functionName: string;
  /** File path or URL, with line and column. */
  readonly location: string;
  /** Where the function begins: the same for every line it may be caught at. */
  readonly functionStart: string;
}

export interface CapturedStack {
  /** The innermost ones, at most `MAX_FRAMES`. */
  readonly frames: readonly StackFrame[];
  readonly probe: ProbeAnswer | undefined;
}

/** A recursion has a thousand times as many, all alike. */
export const MAX_FRAMES = 50;

/** undefined: the thread did not answer within `timeoutMs`, or is gone. */
export async function captureStack(threadId: number, timeoutMs: number): Promise<CapturedStack | undefined> {
  const session = new Session();
  const answer = Promise.withResolvers<CapturedStack | undefined>();
  const timer = setTimeout(answer.resolve, timeoutMs, undefined);
  const attached = new Map<string, string>();
  session.on("NodeWorker.attachedToWorker", ({ params }) => attached.set(params.workerInfo.title, params.sessionId));
  session.on("NodeWorker.receivedMessageFromWorker", ({ params }) => answer.resolve(readAnswer(params.message)));
  session.on("NodeWorker.detachedFromWorker", ({ params }) => {
    if (params.sessionId === sessionOf(attached, threadId)) answer.resolve(undefined);
  });
  session.connect();
  try {
    // Tells of every thread before it returns.
    session.post("NodeWorker.enable", { waitForDebuggerOnStart: false });
    const sessionId = sessionOf(attached, threadId);
    if (sessionId === undefined) return undefined;
    const evaluate = { expression: LOOK_EXPRESSION, returnByValue: true };
    const message = JSON.stringify({ id: 1, method: "Runtime.evaluate", params: evaluate });
    session.post("NodeWorker.sendMessageToWorker", { sessionId, message });
    return await answer.promise;
  } finally {
    clearTimeout(timer);
    // Not where the answer is read: that may be in the middle of any statement, even inside of `post`, and the session
    // would be gone when `post` goes on.
    session.disconnect();
  }
}

/** The thread's own id stands in the title, "[worker 3] its name"; the inspector's ids count attachments. */
function sessionOf(attached: ReadonlyMap<string, string>, threadId: number): string | undefined {
  for (const [title, sessionId] of attached) if (title.startsWith(`[worker ${threadId}]`)) return sessionId;
  return undefined;
}

/** What `look` returns, as JSON: function, file, line, column, and line and column of the function's beginning. */
type Site = readonly [name: string | null, file: string | null, ...position: (number | null)[]];

interface InspectorAnswer {
  readonly result?: { readonly result?: { readonly value?: unknown } };
}

/** Runs in the blocked thread and goes there as text: it must use nothing of this module. */
function look(maxFrames: number): readonly Site[] | undefined {
  const { stackTraceLimit } = Error;
  const prepareStackTrace: unknown = Reflect.get(Error, "prepareStackTrace");
  const holder: { stack?: unknown } = {};
  try {
    // One more: the expression that calls this.
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

const LOOK_EXPRESSION = `JSON.stringify({ sites: (${look.toString()})(${MAX_FRAMES}), probe: ${PROBE_EXPRESSION} })`;

function readAnswer(message: string): CapturedStack | undefined {
  const value = (JSON.parse(message) as InspectorAnswer).result?.result?.value;
  if (typeof value !== "string") return undefined;
  const { sites, probe } = JSON.parse(value) as { readonly sites?: readonly Site[]; readonly probe?: ProbeAnswer };
  return sites === undefined ? undefined : { frames: sites.map(describe), probe };
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

/** The innermost frame of the app's own code, else of a package; undefined when only the runtime's frames are there. */
export function blamedFrame(stack: CapturedStack, ownFolder: string): StackFrame | undefined {
  const foreign = stack.frames.filter(({ location }) => location.startsWith("/") && !location.startsWith(ownFolder));
  return foreign.find(({ location }) => !location.includes("/node_modules/")) ?? foreign[0];
}

export function formatStack(frames: readonly StackFrame[]): string {
  return frames.map(({ functionName, location }) => `    at ${functionName} (${location})`).join("\n");
}
