/** Traces of all tasks on all threads: each thread records (trace-here.ts), the one that began collects and writes. */

import { writeFile } from "node:fs/promises";
import { HeddleError } from "../../errors/errors.ts";
import { allUnits } from "../jobs/unit.ts";
import { onMode, setMode } from "./modes.ts";
import { askAll, onQuestion } from "./questions.ts";
import { type ThreadTrace, type TraceMode, Tracer } from "./trace-here.ts";

export interface TraceOptions {
  /** The most events of each thread; what comes later is left out. Default: 200,000, some 30 MB. */
  readonly maxEvents?: number;
}

export interface TraceSummary {
  readonly file: string;
  readonly events: number;
  /** Events beyond `maxEvents`, which are missing. */
  readonly dropped: number;
  /** Threads that were computing for more than 5 s at the end, and are missing. */
  readonly silent: readonly number[];
}

const DEFAULT_MAX_EVENTS = 200_000;
const PATIENCE_MS = 5000;

let tracer: Tracer | undefined;

onMode("trace", (mode) => {
  if (mode !== undefined) tracer = new Tracer(mode as TraceMode);
});

onQuestion("trace", () => {
  const trace = tracer?.stop(allUnits());
  tracer = undefined;
  return trace;
});

/** A trace that is being recorded. With `await using` it ends when its scope is left. */
export class TaskTrace implements AsyncDisposable {
  readonly #file: string;
  #stopped: Promise<TraceSummary> | undefined;

  /** For the library: see `traceTasks`. */
  constructor(file: string) {
    this.#file = file;
  }

  /** Ends it on all threads and writes the file. A second call gives the same.
   *
   * @throws the error of writing the file
   */
  stop(): Promise<TraceSummary> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<TraceSummary> {
    setMode("trace", undefined);
    const { answers, silent } = await askAll<ThreadTrace | undefined>("trace", PATIENCE_MS);
    const traces = answers.filter((trace) => trace !== undefined);
    isOn = false;
    const events = traces.map((trace) => trace.events).join(",\n");
    await writeFile(this.#file, `{"displayTimeUnit":"ms","traceEvents":[\n${events}\n]}\n`);
    const sum = (of: (trace: ThreadTrace) => number): number => traces.reduce((all, trace) => all + of(trace), 0);
    return { file: this.#file, events: sum(({ count }) => count), dropped: sum(({ dropped }) => dropped), silent };
  }
}

let isOn = false;

/**
 * Records which task ran when on which thread, and what it was parked on in between, until `stop` is called; then writes a file in Chrome's
 * trace format, for https://ui.perfetto.dev or chrome://tracing. While it records, each await costs a microsecond or two more.
 *
 * @throws HeddleError TASK_INVALID if a trace is being recorded already, or an option is not valid
 */
export function traceTasks(file: string, options: TraceOptions = {}): TaskTrace {
  const { maxEvents = DEFAULT_MAX_EVENTS } = options;
  if (typeof file !== "string" || file === "") {
    throw new HeddleError(
      "TASK_INVALID",
      `traceTasks() needs the name of a file to write, and got ${typeof file === "string" ? "an empty one" : typeof file}.`,
    );
  }
  if (!Number.isSafeInteger(maxEvents) || maxEvents < 1) {
    throw new HeddleError("TASK_INVALID", `maxEvents must be a whole number from 1 up, and is ${String(maxEvents)}.`);
  }
  if (isOn) throw new HeddleError("TASK_INVALID", "a trace is being recorded already: stop it first.");
  isOn = true;
  setMode("trace", { startMs: performance.timeOrigin + performance.now(), maxEvents } satisfies TraceMode);
  return new TaskTrace(file);
}
