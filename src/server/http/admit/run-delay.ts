/**
 * For how long this thread had to wait for a processor lately: it was ready to run, and other threads and programs ran. What happened
 * meanwhile it hears of late, and so may the kernel, if the thread was stopped with its socket in hand.
 *
 * Linux tells the sum since the thread's start (`/proc/thread-self/schedstat`, the second number, in nanoseconds). Elsewhere the thread
 * counts as never delayed.
 */

import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { endBehindLastByteMs, hasNative, sinceLastByteMs } from "../../../platform/native.ts";
import { WITH_REQUEST_MS } from "./client-watch.ts";

interface Sample {
  readonly atMs: number;
  readonly delayMs: number;
}

/** With a sample for each sweep over the connections: some seconds. */
const SAMPLES = 8;

export class RunDelay {
  readonly #read: () => number;
  /** The newest first. */
  #samples: readonly Sample[] = [];

  constructor(read: () => number = readDelayMs) {
    this.#read = read;
  }

  /** Called every now and then. */
  note(nowMs: number): void {
    this.#samples = [{ atMs: nowMs, delayMs: this.#read() }, ...this.#samples.slice(0, SAMPLES - 1)];
  }

  /** Since the latest sample that is as old, or the oldest of all. */
  inLastMs(ageMs: number, nowMs: number): number {
    const from = this.#samples.find(({ atMs }) => nowMs - atMs >= ageMs) ?? this.#samples.at(-1);
    return from === undefined ? 0 : this.#read() - from.delayMs;
  }
}

function readDelayMs(): number {
  try {
    return Number(readFileSync("/proc/thread-self/schedstat", "latin1").split(" ")[1]) / 1e6;
  } catch {
    // Not Linux, or a kernel without these numbers.
    return 0;
  }
}

/**
 * The client of this connection has ended its side: how long after its last byte, at most, but for the time that this thread was delayed
 * since that byte. undefined: the kernel does not tell.
 */
export function behindLastByteMs(fd: number, delay: RunDelay): number | undefined {
  const behindMs = hasNative() ? endBehindLastByteMs(fd) : undefined;
  if (behindMs === undefined || behindMs <= WITH_REQUEST_MS) return behindMs;
  return behindMs - delay.inLastMs(sinceLastByteMs(fd) ?? behindMs, performance.now());
}
