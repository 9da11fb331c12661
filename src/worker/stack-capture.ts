/**
 * The stack of a thread that is blocked right now, and the request it is blocked for: through the inspector the thread
 * evaluates one expression in the middle of what it does. Takes a millisecond or two, of the thread's own time less.
 *
 * A thread inside a native call (`execSync`, `pbkdf2Sync`) answers when that returns, so the answer may come late and then
 * names the call's line.
 *
 * Rejected: pausing it with the debugger. That describes every frame with its scopes (36 MB and two seconds for a
 * recursion 30,000 deep, enough to end a worker that has little memory), and holds the thread until this one gets to
 * let it go; left enabled it slows every await of the thread tenfold.
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
export function captureStack(threadId: number, timeoutMs: number): Promise<CapturedStack | undefined> {
  attachToThreads();
  return lookout!.look(threadId, timeoutMs);
}

let lookout: Lookout | undefined;

/** To be called before the first thread starts. */
export function attachToThreads(): void {
  lookout ??= new Lookout();
}

/**
 * The inspector's connection to every thread of this process, from the thread's start to its end. As long as nothing is
 * asked it costs nothing that could be measured.
 *
 * Rejected: a connection for each look. Connecting goes over all threads, and one that starts or ends meanwhile crashed the
 * process (Node 26.10; seen within seconds where threads come and go as they do for `thread-per-request`).
 *
 * The inspector's events may come in the middle of any statement of this thread, of one in node's own code too: they only
 * note what they tell.
 */
class Lookout {
  readonly #session = new Session();
  /** By the inspector's id: the thread's own stands in its title, "[worker 3] its name". */
  readonly #titles = new Map<string, string>();
  readonly #looks = new Map<number, Look>();
  #looked = 0;

  constructor() {
    this.#session.on("NodeWorker.attachedToWorker", ({ params }) => {
      this.#titles.set(params.sessionId, params.workerInfo.title);
    });
    this.#session.on("NodeWorker.detachedFromWorker", ({ params }) => {
      this.#titles.delete(params.sessionId);
      for (const { sessionId, answer } of this.#looks.values()) if (sessionId === params.sessionId) answer(undefined);
    });
    this.#session.on("NodeWorker.receivedMessageFromWorker", ({ params }) => {
      const { id = 0, result } = JSON.parse(params.message) as InspectorAnswer;
      this.#looks.get(id)?.answer(result?.result?.value);
    });
    this.#session.connect();
    this.#session.post("NodeWorker.enable", { waitForDebuggerOnStart: false });
  }

  async look(threadId: number, timeoutMs: number): Promise<CapturedStack | undefined> {
    const sessionId = this.#sessionOf(threadId);
    if (sessionId === undefined) return undefined;
    const id = ++this.#looked;
    const { promise, resolve: answer } = Promise.withResolvers<unknown>();
    const timer = setTimeout(answer, timeoutMs, undefined);
    this.#looks.set(id, { sessionId, answer });
    const params = { expression: LOOK_EXPRESSION, returnByValue: true };
    const message = JSON.stringify({ id, method: "Runtime.evaluate", params });
    this.#session.post("NodeWorker.sendMessageToWorker", { sessionId, message });
    const value = await promise;
    clearTimeout(timer);
    this.#looks.delete(id);
    return typeof value === "string" ? readAnswer(value) : undefined;
  }

  #sessionOf(threadId: number): string | undefined {
    for (const [sessionId, title] of this.#titles) if (title.startsWith(`[worker ${threadId}]`)) return sessionId;
    return undefined;
  }
}

interface Look {
  readonly sessionId: string;
  readonly answer: (value: unknown) => void;
}

interface InspectorAnswer {
  readonly id?: number;
  readonly result?: { readonly result?: { readonly value?: unknown } };
}

/** What `look` returns, as JSON: function, file, line, column, and line and column of the function's beginning. */
type Site = readonly [name: string | null, file: string | null, ...position: (number | null)[]];

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

function readAnswer(value: string): CapturedStack | undefined {
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
