/**
 * What a worker does about serving threads that are blocked. Its main thread never runs user code, so it can always look.
 *
 * - Blocked for longer than the threshold: the stack is captured once. When the thread turns again, the function that blocked
 *   it is reported with the time that it took, once for each function.
 * - Blocked for longer than the request timeout: the thread is killed, and its stack and its requests are reported.
 */

import { fileURLToPath } from "node:url";
import { count } from "../../errors/count.ts";
import type { ServerConfig } from "../../config/config.ts";
import { HeddleError } from "../../errors/errors.ts";
import { COUNTER } from "../../supervise/load-board.ts";
import { blamedFrame, formatStack } from "../../supervise/inspect/thread-stack.ts";
import { type Standing, Watchdog } from "../../supervise/watchdog.ts";
import type { Log } from "../../log/log.ts";
import { offloadSetting } from "./report/offload-hint.ts";
import type { ServingThreadHandle } from "./serving/serving-thread-handle.ts";
import { type CapturedStack, captureStack } from "./report/stack-capture.ts";

export type Verdict = "turning" | "blocked" | "expired";

/** Pure. `stillMs`: for how long the thread has shown no sign of life. 0 turns a limit off. */
export function blockedVerdict(stillMs: number, blockedThresholdMs: number, timeoutMs: number): Verdict {
  if (timeoutMs > 0 && stillMs >= timeoutMs) return "expired";
  return blockedThresholdMs > 0 && stillMs >= blockedThresholdMs ? "blocked" : "turning";
}

/** What is known of a thread that was found blocked, until it turns again. */
interface Block {
  /** The beat and the progress at which it was found. */
  readonly at: Standing;
  readonly stack: Promise<CapturedStack | undefined>;
}

/** Looking less often than the threads beat would report blocks late; more often is wasted. */
const MAX_LOOK_MS = 25;
/** Readiness and placement need to know of blocked threads also if reports are turned off. */
const DEFAULT_THRESHOLD_MS = 1000;
/** Time for a thread in JavaScript to answer. One in a native call takes longer; there is no second look. */
const CAPTURE_TIMEOUT_MS = 10_000;
/** A kill waits no longer than this for the stack. */
const LAST_LOOK_MS = 200;
/** Functions remembered; an app with more that block than this has other problems. */
const MAX_PLACES = 1000;

const OWN_FOLDER = fileURLToPath(new URL("../../", import.meta.url));

export class BlockedThreads {
  readonly #config: ServerConfig;
  readonly #log: Log;
  readonly #watchdog: Watchdog<ServingThreadHandle>;
  readonly #blocks = new WeakMap<ServingThreadHandle, Block>();
  readonly #killing = new WeakSet<ServingThreadHandle>();
  readonly #places = new Set<string>();
  readonly #thresholdMs: number;

  constructor(config: ServerConfig, log: Log, threads: () => Iterable<ServingThreadHandle>) {
    this.#config = config;
    this.#log = log;
    this.#thresholdMs = config.blockedThresholdMs || DEFAULT_THRESHOLD_MS;
    this.#watchdog = new Watchdog({
      threads,
      pulse: ({ state, row }) =>
        (state === "ready" || state === "draining") && row.beatMs > 0
          ? { beatMs: row.beatMs, progress: row.read(COUNTER.started) }
          : undefined,
      attend: (thread, standing) => standing && this.#attend(thread, standing),
    });
    this.#watchdog.start(Math.max(1, Math.min(MAX_LOOK_MS, config.blockedThresholdMs / 4 || MAX_LOOK_MS)));
  }

  stop(): void {
    this.#watchdog.stop();
  }

  /** For how many milliseconds the thread is blocked; 0: it is not. */
  blockedMs(thread: ServingThreadHandle): number {
    const ms = this.#watchdog.stillMs(thread);
    return blockedVerdict(ms, this.#thresholdMs, 0) === "turning" ? 0 : ms;
  }

  /** Whether connections should go to another thread. */
  isBlocked(thread: ServingThreadHandle): boolean {
    return this.blockedMs(thread) > 0;
  }

  /** The thread turns again after `blockedMs`: reports where it was, unless that is known. */
  async unblocked(thread: ServingThreadHandle, blockedMs: number): Promise<void> {
    const block = this.#blocks.get(thread);
    if (block === undefined) return;
    this.#blocks.delete(thread);
    const stack = await block.stack;
    const frame = stack === undefined ? undefined : blamedFrame(stack.frames, OWN_FOLDER);
    if (stack?.probe === undefined || frame === undefined) return;
    // The stack was taken too late, and shows what ran next.
    if (stack.probe.beatMs !== block.at.beatMs || stack.probe.started !== block.at.progress) return;
    const place = frame.functionStart;
    if (this.#places.has(place) || this.#places.size >= MAX_PLACES) return;
    this.#places.add(place);
    const route = stack.probe?.current;
    const on = route === undefined ? "" : ` while serving ${route.method} ${route.url} (route ${route.route})`;
    this.#log.warn(
      {
        thread: thread.index,
        blockedMs: Math.round(blockedMs),
        function: frame.functionName,
        location: frame.location,
        route: route?.route,
      },
      `event loop blocked for ${Math.round(blockedMs)} ms in ${frame.functionName} (${frame.location})${on}. ` +
        `Every other request on the thread waited. Run it on a handler thread (${offloadSetting(route?.route)}), or make the work asynchronous.`,
    );
  }

  #attend(thread: ServingThreadHandle, standing: Standing): void {
    const { blockedThresholdMs, timeoutMs } = this.#config;
    const { stillMs } = standing;
    if (blockedVerdict(stillMs, blockedThresholdMs, 0) === "blocked" && !this.#blocks.has(thread)) {
      this.#blocks.set(thread, { at: standing, stack: captureStack(thread.threadId, CAPTURE_TIMEOUT_MS) });
    }
    if (blockedVerdict(stillMs, 0, timeoutMs) === "expired" && !this.#killing.has(thread)) {
      this.#killing.add(thread);
      void this.#kill(thread, this.#blocks.get(thread)?.stack, standing);
    }
  }

  async #kill(
    thread: ServingThreadHandle,
    capturing: Promise<CapturedStack | undefined> | undefined,
    { beatMs, stillMs }: Standing,
  ): Promise<void> {
    const patience = new Promise<undefined>((resolve) => setTimeout(resolve, LAST_LOOK_MS, undefined));
    const stack = await Promise.race([capturing ?? captureStack(thread.threadId, LAST_LOOK_MS), patience]);
    // It turned at the last moment, and may be writing its response.
    if (thread.row.beatMs !== beatMs) {
      this.#killing.delete(thread);
      return;
    }
    const where = stack === undefined ? "no stack: it is inside a native call" : formatStack(stack.frames);
    const exchanges = stack?.probe?.exchanges ?? [];
    const lost = exchanges.map(({ method, url, id }) => `${method} ${url} (${id})`);
    const error = new HeddleError(
      "THREAD_BLOCKED",
      `serving thread ${thread.index} was blocked for ${Math.round(stillMs)} ms, longer than --timeout (${this.#config.timeoutMs} ms), ` +
        `and is killed with ${lost.length === 0 ? "an unknown number of requests" : count(lost.length, "request")} on it: ${lost.join(", ") || "unknown"}\n${where}`,
    );
    thread.condemn(error);
  }
}
