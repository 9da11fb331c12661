/**
 * The stack of a thread that is blocked right now, and the request it is blocked for, through the inspector: attach,
 * pause, look, resume, detach. Takes some 15–40 ms of which the thread itself loses one.
 *
 * On demand only: a debugger that stays attached slows every await of the thread tenfold. A thread inside a native call
 * (`execSync`, `pbkdf2Sync`) pauses when that returns, so the answer may come late and then names the call's line.
 */

import { Session } from "node:inspector";
import { PROBE_EXPRESSION, type ProbeAnswer } from "./probe.ts";

export interface StackFrame {
  readonly functionName: string;
  /** File path or URL, with line and column. */
  readonly location: string;
  readonly line: number;
  /** Where the function begins: the same for every line it may be caught at. */
  readonly functionStart: string;
}

export interface CapturedStack {
  readonly frames: readonly StackFrame[];
  readonly probe: ProbeAnswer | undefined;
}

interface InspectorMessage {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: { readonly result?: { readonly value?: unknown } };
}

interface PausedFrame {
  readonly functionName: string;
  readonly location: PausedLocation;
  readonly functionLocation?: PausedLocation;
}

interface PausedLocation {
  readonly scriptId: string;
  readonly lineNumber: number;
  readonly columnNumber?: number;
}

const EVALUATE = 3;
const DISABLE = 5;

/** One look at a time: sessions see all threads, and two would resume each other's pause. */
let queue: Promise<unknown> = Promise.resolve();

/** undefined: the thread did not pause within `timeoutMs`, or is gone. `onPause` is called when the thread is held. */
export function captureStack(
  threadId: number,
  timeoutMs: number,
  onPause: () => void,
): Promise<CapturedStack | undefined> {
  const captured = queue.then(() => capture(threadId, timeoutMs, onPause));
  queue = captured;
  return captured;
}

function capture(threadId: number, timeoutMs: number, onPause: () => void): Promise<CapturedStack | undefined> {
  return new Promise((resolve) => {
    const session = new Session();
    const scripts = new Map<string, string>();
    let frames: StackFrame[] | undefined;
    let probe: ProbeAnswer | undefined;
    let sessionId: string | undefined;
    const finish = (): void => {
      clearTimeout(timer);
      session.disconnect();
      resolve(frames === undefined ? undefined : { frames, probe });
    };
    const timer = setTimeout(finish, timeoutMs);
    const send = (id: number, method: string, params: object = {}): void =>
      session.post("NodeWorker.sendMessageToWorker", {
        sessionId: sessionId!,
        message: JSON.stringify({ id, method, params }),
      });

    session.connect();
    session.on("NodeWorker.attachedToWorker", ({ params }) => {
      // `workerId` counts attachments; the thread's own id stands in the title, "[worker 3] its name".
      if (!params.workerInfo.title.startsWith(`[worker ${threadId}]`)) return;
      ({ sessionId } = params);
      send(1, "Debugger.enable");
      send(2, "Debugger.pause");
    });
    session.on("NodeWorker.receivedMessageFromWorker", ({ params }) => {
      if (params.sessionId !== sessionId) return;
      const message = JSON.parse(params.message) as InspectorMessage;
      if (message.method === "Debugger.scriptParsed") {
        const script = message.params as { scriptId: string; url: string };
        scripts.set(script.scriptId, script.url);
      } else if (message.method === "Debugger.paused") {
        onPause();
        frames = (message.params as { callFrames: PausedFrame[] }).callFrames.map((frame) => describe(frame, scripts));
        send(EVALUATE, "Runtime.evaluate", { expression: PROBE_EXPRESSION, returnByValue: true });
        send(4, "Debugger.resume");
        send(DISABLE, "Debugger.disable");
      } else if (message.id === EVALUATE) {
        probe = parseProbe(message.result?.result?.value);
      } else if (message.id === DISABLE) {
        finish();
      }
    });
    session.post("NodeWorker.enable", { waitForDebuggerOnStart: false });
  });
}

function parseProbe(value: unknown): ProbeAnswer | undefined {
  return typeof value === "string" ? (JSON.parse(value) as ProbeAnswer) : undefined;
}

function describe(frame: PausedFrame, scripts: ReadonlyMap<string, string>): StackFrame {
  const { functionName, location, functionLocation = location } = frame;
  return {
    functionName: functionName || "(anonymous)",
    location: place(location, scripts),
    line: location.lineNumber + 1,
    functionStart: place(functionLocation, scripts),
  };
}

function place(
  { scriptId, lineNumber, columnNumber = 0 }: PausedLocation,
  scripts: ReadonlyMap<string, string>,
): string {
  const url = scripts.get(scriptId) ?? "";
  const path = url.startsWith("file://") ? decodeURIComponent(url.slice("file://".length)) : url;
  return `${path}:${lineNumber + 1}:${columnNumber + 1}`;
}

/** The innermost frame of the app's own code, else of a package; undefined when only the runtime's frames are there. */
export function blamedFrame(stack: CapturedStack, ownFolder: string): StackFrame | undefined {
  const foreign = stack.frames.filter(({ location }) => location.startsWith("/") && !location.startsWith(ownFolder));
  return foreign.find(({ location }) => !location.includes("/node_modules/")) ?? foreign[0];
}

export function formatStack(frames: readonly StackFrame[]): string {
  return frames.map(({ functionName, location }) => `    at ${functionName} (${location})`).join("\n");
}
