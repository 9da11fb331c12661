/**
 * The event loop of a handler thread that runs many jobs beside each other (`tasks`), as far as one link can tell: whether it turns,
 * and when it has not for too long. Pure: the caller says what was seen and when.
 *
 * Which of the jobs blocks the loop is not known here. So the thread has the longest time that any of them has: none is ended
 * early because it shares its thread with one that has less time.
 */

import { count } from "../../../../errors/count.ts";
import { distance, next } from "../../../../kit/wrapping.ts";
import type { Sentence } from "./kill-policy.ts";
import type { LivenessProbe } from "./liveness-probe.ts";
import type { SentJobs } from "./sent-jobs.ts";

/** A thread that has not received a message for this long is blocked, or waits for a CPU. */
export const UNREAD_MS = 20;
/** No limit is shorter than what the sign of life takes. */
const MIN_QUIET_MS = 25;
/** In the log. */
const MOST_NAMED = 5;

export class SharedLoop {
  /** It does not receive what it is sent: what it has not begun runs elsewhere, and it gets nothing more. */
  isStuck = false;
  readonly #limitMs: number;
  #flushed = 0;
  #read = 0;
  /** Since when it owes the receipt of a message. */
  #unreadSinceMs = 0;
  /** It has begun a job then. */
  #turnedMs = 0;

  /** `limitMs`: for jobs without a time limit, and for code that belongs to no job. 0: none. */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** A message with jobs was sent. */
  flushed(nowMs: number): void {
    if (this.#flushed === this.#read) this.#unreadSinceMs = nowMs;
    this.#flushed = next(this.#flushed);
  }

  turned(nowMs: number): void {
    this.#turnedMs = Math.max(this.#turnedMs, nowMs);
  }

  /** `read`: how many of the messages it has received. */
  look(read: number, nowMs: number): void {
    if (read !== this.#read) {
      this.#read = read;
      this.#unreadSinceMs = nowMs;
    }
    this.isStuck = this.#owes && nowMs - this.#unreadSinceMs > UNREAD_MS;
  }

  get #owes(): boolean {
    return distance(this.#read, this.#flushed) > 0;
  }

  /** "ask": for a sign of life. `because`: kill the thread. */
  judge(jobs: SentJobs, signs: LivenessProbe, nowMs: number): Sentence {
    if (jobs.size === 0 && !this.#owes) return undefined;
    const lastMs = Math.max(signs.lastMs, this.#turnedMs, this.#owes ? this.#unreadSinceMs : 0);
    const quietMs = nowMs - lastMs;
    if (quietMs < MIN_QUIET_MS) return undefined;
    const limitMs = this.#longest(jobs);
    if (limitMs === 0) return undefined;
    if (quietMs > limitMs && signs.areMissing(nowMs)) return { because: because(jobs, limitMs) };
    return quietMs > limitMs / 2 && signs.asked(nowMs) ? "ask" : undefined;
  }

  #longest(jobs: SentJobs): number {
    let longestMs = this.#owes ? this.#limitMs : 0;
    for (const { startedMs, exchange } of jobs.all()) {
      const ownMs = exchange.route.timeoutMs || this.#limitMs;
      if (startedMs === undefined) continue;
      if (ownMs === 0) return 0;
      longestMs = Math.max(longestMs, ownMs);
    }
    return longestMs;
  }
}

function because(jobs: SentJobs, limitMs: number): string {
  const begun = jobs.all().filter(({ startedMs }) => startedMs !== undefined);
  const named = begun.slice(0, MOST_NAMED).map(({ exchange: { req, id } }) => `${req.method} ${req.url} (${id})`);
  const more = begun.length > MOST_NAMED ? ` and ${begun.length - MOST_NAMED} more` : "";
  const what = `its event loop has not turned for ${limitMs} ms: a request did not end within its timeout, and did not await`;
  return `${what}. It had begun ${count(begun.length, "request")}${begun.length === 0 ? "" : `: ${named.join(", ")}${more}`}`;
}
