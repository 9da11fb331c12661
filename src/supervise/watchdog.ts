/**
 * Finds threads whose event loop stands still. It runs on a thread that never stands still itself: a worker's main thread
 * watches the serving threads, the root of a program watches its scheduler threads.
 *
 *   thread:    heartbeat.ts writes the time of the last turn into shared memory
 *   watchdog:  reads it every few milliseconds, and gives each thread's `Standing` to its owner
 *   owner:     reports, looks into the thread, or ends it (server/worker/blocked-threads.ts, runtime/threads/runaway-threads.ts)
 *
 * Invariants
 * - A thread stands still from its last beat, or from its last progress if that came later. Progress is a count that changes
 *   with each piece of work: a thread that parses many requests in one long turn is busy, and not blocked.
 * - If the watchdog itself was stopped (SIGSTOP, a laptop that slept), the threads were probably stopped as well. That time
 *   does not count against them.
 */

import { monotonicMs } from "../kit/clock.ts";
import { clearInterval, setInterval } from "../kit/native-timers.ts";

/** What a thread shows of itself, in shared memory. */
export interface Pulse {
  /** `monotonicMs()` at the last turn of its loop. */
  readonly beatMs: number;
  /** Compared for equality only. */
  readonly progress: number;
}

export interface Standing extends Pulse {
  /** The last sign of life. */
  readonly sinceMs: number;
  readonly stillMs: number;
}

export interface WatchdogOptions<T> {
  readonly threads: () => Iterable<T>;
  /** undefined: the thread does not beat now. It is booting, or idle, or dead. */
  readonly pulse: (thread: T) => Pulse | undefined;
  /** Called for each thread at each look; `undefined` if it does not beat. */
  readonly attend: (thread: T, standing: Standing | undefined) => void;
}

/** After a gap this long between two looks the watchdog was stopped. */
const OWN_GAP_MS = 1000;

/**
 * Pure. The last sign of life of a thread, after the watchdog has not looked for `gapMs`. If that is long, the thread gets
 * that time back, at most up to now. The time for which it stood still before counts.
 */
export function standingSince(sinceMs: number, gapMs: number, nowMs: number): number {
  return gapMs > OWN_GAP_MS ? Math.min(nowMs, sinceMs + gapMs) : sinceMs;
}

export class Watchdog<T> {
  readonly #options: WatchdogOptions<T>;
  readonly #seen = new Map<T, { readonly progress: number; readonly sinceMs: number }>();
  #timer: NodeJS.Timeout | undefined;
  #everyMs = 0;
  #lookedMs = monotonicMs();

  constructor(options: WatchdogOptions<T>) {
    this.#options = options;
  }

  /** Looks every `everyMs` from now on. */
  start(everyMs: number): void {
    if (everyMs === this.#everyMs) return;
    if (this.#timer === undefined) this.#lookedMs = monotonicMs();
    clearInterval(this.#timer);
    this.#everyMs = everyMs;
    this.#timer = setInterval(() => this.#look(), everyMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#everyMs = 0;
  }

  /** For how long the thread has shown no sign of life, as of now. 0: it does not beat. */
  stillMs(thread: T): number {
    const pulse = this.#options.pulse(thread);
    if (pulse === undefined) return 0;
    return monotonicMs() - Math.max(pulse.beatMs, this.#seen.get(thread)?.sinceMs ?? 0);
  }

  #look(): void {
    const nowMs = monotonicMs();
    const gapMs = nowMs - this.#lookedMs;
    this.#lookedMs = nowMs;
    const { threads, pulse: pulseOf, attend } = this.#options;
    const present = new Set<T>();
    for (const thread of threads()) {
      present.add(thread);
      const pulse = pulseOf(thread);
      if (pulse === undefined) this.#seen.delete(thread);
      attend(thread, pulse && this.#standing(thread, pulse, gapMs, nowMs));
    }
    for (const thread of this.#seen.keys()) if (!present.has(thread)) this.#seen.delete(thread);
  }

  #standing(thread: T, { beatMs, progress }: Pulse, gapMs: number, nowMs: number): Standing {
    const seen = this.#seen.get(thread);
    const hasProgressed = seen !== undefined && seen.progress !== progress;
    const lastMs = hasProgressed ? nowMs : Math.max(beatMs, seen?.sinceMs ?? 0);
    const sinceMs = standingSince(lastMs, gapMs, nowMs);
    this.#seen.set(thread, { progress, sinceMs });
    return { beatMs, progress, sinceMs, stillMs: Math.max(0, nowMs - sinceMs) };
  }
}
