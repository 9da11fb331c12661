/**
 * The measured window of a run: from `beginMs` to `endMs`, on the clock of performance.now(). Everything before is warm-up.
 *
 * Closed loop: an answer counts in the window in which it came. Throughput counts a request that crosses an edge of the window by
 * the share of its time that lies inside: with few requests in flight and slow answers whole ones would be off by up to one for
 * each connection.
 *
 * Open loop: a latency counts in the window in which its request was due, however late the answer comes. Throughput counts the
 * answers that came in the window: beyond what a server can do, answers to all that was due come later than it.
 */
import { Histogram } from "./histogram.ts";

/** More errors than this share leave a window out. */
const MOST_REPEATED = 0.01;

export class MeasuredWindow {
  readonly beginMs: number;
  readonly endMs: number;
  readonly seconds: number;
  readonly latencies: Histogram = new Histogram();
  readonly errorsByCause: Record<string, number> = {};
  errors = 0;
  /** Good answers that came in the window, those across its edges by their share (closed loop) or by their end (open loop). */
  throughputAnswers = 0;
  /** Requests in flight, summed over time. */
  inFlightMs = 0;
  /** Open loop: requests that were due in the window and sent in it. */
  sent = 0;
  /** Open loop: sent later than LATE_MS after they were due, though a connection was free. */
  late = 0;

  /** Requests that were sent again in the window, because their connection closed under them. */
  #repeated = 0;

  constructor(beginMs: number, seconds: number) {
    this.beginMs = beginMs;
    this.seconds = seconds;
    this.endMs = beginMs + seconds * 1000;
  }

  /** The end of a request of a closed loop. `cause` is undefined for a good answer. Returns whether its latency counts. */
  closed(sentAtMs: number, endedAtMs: number, cause?: string): boolean {
    const { beginMs, endMs } = this;
    if (endedAtMs < beginMs || sentAtMs >= endMs) return false;
    const insideMs = Math.min(endedAtMs, endMs) - Math.max(sentAtMs, beginMs);
    this.inFlightMs += insideMs;
    if (cause !== undefined) {
      if (endedAtMs < endMs) this.#failed(cause);
      return false;
    }
    const took = endedAtMs - sentAtMs;
    this.throughputAnswers += insideMs < took ? insideMs / took : 1;
    if (endedAtMs >= endMs) return false;
    this.latencies.record(took);
    return true;
  }

  /** The end of a request of an open loop. Returns whether its latency counts. */
  open(dueAtMs: number, endedAtMs: number, cause?: string): boolean {
    const { beginMs, endMs } = this;
    if (endedAtMs < beginMs || dueAtMs >= endMs) return false;
    this.inFlightMs += Math.min(endedAtMs, endMs) - Math.max(dueAtMs, beginMs);
    if (cause === undefined && endedAtMs < endMs) this.throughputAnswers++;
    if (dueAtMs < beginMs) return false;
    if (cause === undefined) this.latencies.record(endedAtMs - dueAtMs);
    else this.#failed(cause);
    return cause === undefined;
  }

  /** A request is sent again. */
  repeated(atMs: number): void {
    if (this.beginMs <= atMs && atMs < this.endMs) this.#repeated++;
  }

  /**
   * Call it at the end. A connection that closes under a request was idle for too long now and then; a server that does so with more than a
   * few is one that fails, as one whose process ends under load.
   */
  judgeRepeated(): void {
    const all = this.latencies.count + this.errors + this.#repeated;
    if (this.#repeated <= MOST_REPEATED * all) return;
    this.errors += this.#repeated;
    this.errorsByCause["reset"] = (this.errorsByCause["reset"] ?? 0) + this.#repeated;
    this.#repeated = 0;
  }

  #failed(cause: string): void {
    this.errors++;
    this.errorsByCause[cause] = (this.errorsByCause[cause] ?? 0) + 1;
  }
}
