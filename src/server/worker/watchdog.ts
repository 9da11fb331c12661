/**
 * Sees a blocked serving thread from outside: the acceptor's loop never runs user code, so it always turns.
 *
 * - Blocked for longer than the threshold: the stack is captured once, and when the thread is free again (so that it is
 *   known for how long) the place is reported, once per place.
 * - Blocked past the request timeout: the thread is killed and its stack and requests are told.
 *
 * A thread that is merely busy is not blocked: while requests go on being parsed, its loop turns inside one long round
 * and no single handler is to blame (`blockedVerdict`).
 */

import { fileURLToPath } from "node:url";
import type { ServerConfig } from "../../config/config.ts";
import { HeddleError } from "../../errors/errors.ts";
import { monotonicMs } from "../../kit/clock.ts";
import { COUNTER } from "../../supervise/load-board.ts";
import { blamedFrame, formatStack } from "../../supervise/inspect/thread-stack.ts";
import type { Log } from "../../log/log.ts";
import { offloadSetting } from "./report/offload-hint.ts";
import type { ServingThreadHandle } from "./serving/serving-thread-handle.ts";
import { type CapturedStack, captureStack } from "./report/stack-capture.ts";

export type Verdict = "turning" | "blocked" | "expired";

/** Pure. `stuckMs`: since when neither the loop turned nor a request was parsed. 0 turns a limit off. */
export function blockedVerdict(stuckMs: number, blockedThresholdMs: number, timeoutMs: number): Verdict {
  if (timeoutMs > 0 && stuckMs >= timeoutMs) return "expired";
  return blockedThresholdMs > 0 && stuckMs >= blockedThresholdMs ? "blocked" : "turning";
}

/**
 * Pure. Since when a thread counts as standing when the watchdog itself has stood for `gapMs`: what was stopped with it
 * has lost that time and no more, what stood before stands still.
 */
export function standingSince(sinceMs: number, gapMs: number, nowMs: number): number {
  return gapMs > OWN_GAP_MS ? Math.min(nowMs, sinceMs + gapMs) : sinceMs;
}

interface Watched {
  started: number;
  progressMs: number;
  /** The heartbeat at which it stood when it was found blocked. */
  beatMs: number;
  /** Present from the moment the thread was found blocked until it turns again. */
  stack: Promise<CapturedStack | undefined> | undefined;
  expired: boolean;
}

/** A watchdog that looked less often than the heartbeat would report blocks late; more often is wasted. */
const MAX_TICK_MS = 25;
/** After a gap this long in its own ticks the watchdog was stopped, and perhaps the threads with it. */
const OWN_GAP_MS = 1000;
/** Readiness and placement need to know of blocked threads also when nobody wants to hear of them. */
const DEFAULT_THRESHOLD_MS = 1000;
/** How long a look into a thread may take when it is in JavaScript; a native call outlasts it and is looked at again. */
const CAPTURE_TIMEOUT_MS = 10_000;
/** At the kill the stack must be there soon or not at all. */
const LAST_LOOK_MS = 200;
/** Functions remembered; an app with more that block than this has other problems. */
const MAX_PLACES = 1000;

const OWN_FOLDER = fileURLToPath(new URL("../../", import.meta.url));

export class Watchdog {
  readonly #config: ServerConfig;
  readonly #log: Log;
  readonly #threads: () => Iterable<ServingThreadHandle>;
  readonly #watched = new WeakMap<ServingThreadHandle, Watched>();
  readonly #places = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  readonly #thresholdMs: number;
  #tickedMs = monotonicMs();

  constructor(config: ServerConfig, log: Log, threads: () => Iterable<ServingThreadHandle>) {
    this.#config = config;
    this.#log = log;
    this.#threads = threads;
    this.#thresholdMs = config.blockedThresholdMs || DEFAULT_THRESHOLD_MS;
    const tickMs = Math.max(1, Math.min(MAX_TICK_MS, config.blockedThresholdMs / 4 || MAX_TICK_MS));
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Milliseconds for which the thread has stood still; 0 while it turns. */
  stuckMs(thread: ServingThreadHandle): number {
    const watched = this.#watched.get(thread);
    const ms = monotonicMs() - Math.max(thread.row.beatMs, watched?.progressMs ?? 0);
    return thread.row.beatMs > 0 && blockedVerdict(ms, this.#thresholdMs, 0) !== "turning" ? ms : 0;
  }

  /** Whether the acceptor should rather give a connection to another thread. */
  isStale(thread: ServingThreadHandle): boolean {
    return this.stuckMs(thread) > 0;
  }

  /** The thread turns again after `blockedMs`: report where it was, unless that is known. */
  async unblocked(thread: ServingThreadHandle, blockedMs: number): Promise<void> {
    const watched = this.#watched.get(thread);
    const capturing = watched?.stack;
    if (watched === undefined || capturing === undefined) return;
    const { beatMs, started } = watched;
    watched.stack = undefined;
    const stack = await capturing;
    const frame = stack === undefined ? undefined : blamedFrame(stack.frames, OWN_FOLDER);
    if (stack?.probe === undefined || frame === undefined) return;
    // The look came too late and shows whatever ran next.
    if (stack.probe.beatMs !== beatMs || stack.probe.started !== started) return;
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

  #tick(): void {
    const nowMs = monotonicMs();
    const gapMs = nowMs - this.#tickedMs;
    this.#tickedMs = nowMs;
    for (const thread of this.#threads()) {
      if ((thread.state !== "ready" && thread.state !== "draining") || thread.row.beatMs === 0) continue;
      const watched = this.#watch(thread, nowMs);
      watched.progressMs = standingSince(Math.max(thread.row.beatMs, watched.progressMs), gapMs, nowMs);
      const stuckMs = nowMs - watched.progressMs;
      const verdict = blockedVerdict(stuckMs, this.#config.blockedThresholdMs, 0);
      if (verdict === "blocked" && watched.stack === undefined) {
        watched.beatMs = thread.row.beatMs;
        watched.stack = captureStack(thread.threadId, CAPTURE_TIMEOUT_MS);
      }
      if (blockedVerdict(stuckMs, 0, this.#config.timeoutMs) === "expired" && !watched.expired) {
        watched.expired = true;
        void this.#kill(thread, watched.stack, stuckMs);
      }
    }
  }

  #watch(thread: ServingThreadHandle, nowMs: number): Watched {
    const started = thread.row.read(COUNTER.started);
    let watched = this.#watched.get(thread);
    if (watched === undefined) {
      watched = { started, progressMs: 0, beatMs: 0, stack: undefined, expired: false };
      this.#watched.set(thread, watched);
    } else if (watched.started !== started) {
      watched.started = started;
      watched.progressMs = nowMs;
    }
    return watched;
  }

  async #kill(
    thread: ServingThreadHandle,
    capturing: Promise<CapturedStack | undefined> | undefined,
    stuckMs: number,
  ): Promise<void> {
    const { beatMs } = thread.row;
    const patience = new Promise<undefined>((resolve) => setTimeout(resolve, LAST_LOOK_MS, undefined));
    const stack = await Promise.race([capturing ?? captureStack(thread.threadId, LAST_LOOK_MS), patience]);
    // It came free in the very last moment, and may be in the middle of answering.
    if (thread.row.beatMs !== beatMs) {
      this.#watched.get(thread)!.expired = false;
      return;
    }
    const where = stack === undefined ? "no stack: it is inside a native call" : formatStack(stack.frames);
    const exchanges = stack?.probe?.exchanges ?? [];
    const lost = exchanges.map(({ method, url, id }) => `${method} ${url} (${id})`);
    const error = new HeddleError(
      "THREAD_BLOCKED",
      `serving thread ${thread.index} was blocked for ${Math.round(stuckMs)} ms, longer than --timeout (${this.#config.timeoutMs} ms), ` +
        `and is killed with ${lost.length || "an unknown number of"} requests on it: ${lost.join(", ") || "unknown"}\n${where}`,
    );
    thread.condemn(error);
  }
}
