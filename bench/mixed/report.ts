/**
 * The client's record of its requests: every request ends in exactly one outcome.
 *
 *     ok          a complete response with a 2xx status and the body that was expected
 *     refused     nobody listened (ECONNREFUSED)
 *     reset       the connection ended before the first byte of the response
 *     cut         the connection ended in the middle of the response; for a WebSocket: without a close frame (1006)
 *     timeout     no complete response in time
 *     badStatus   a complete response whose status isn't 2xx; for a WebSocket: a close code that isn't a polite goodbye
 *     malformed   bytes that are not an HTTP response, or not the expected body
 *     generator   the client's own fault: no file or port left
 *
 * `retried` is counted beside the outcomes: RFC 9112 §9.3.1 lets a client repeat an idempotent request once if a *reused*
 * connection closes before any byte of the response. Its outcome is that of the second try. A server that announces every close
 * causes none.
 */

import { Histogram } from "../../src/tune/load/loops/histogram.ts";

export const KINDS = ["keepAlive", "newConnections", "uploads", "slow", "streams", "webSockets"] as const;
export type Kind = (typeof KINDS)[number];

export const FAILURES = [
  "refused",
  "unknown",
  "tls",
  "reset",
  "cut",
  "timeout",
  "badStatus",
  "malformed",
  "generator",
] as const;
export type Failure = (typeof FAILURES)[number];

export interface KindReport {
  readonly ok: number;
  readonly failed: Readonly<Record<Failure, number>>;
  readonly retried: number;
  /** WebSockets only: polite closes (1001 or 1012), each followed by a new connection. */
  readonly goingAway: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** From one mark to the next; see LoadHandle.mark. */
export interface Window {
  readonly atMs: number;
  readonly label: string;
  /** Requests that were being answered when the mark was set. */
  readonly inFlight: number;
  /**
   * Connections that the named worker had, or may have had: a connection learns its worker with its first response. Each has at
   * most one request in flight, so this limits what that worker's death may cost.
   */
  readonly heldByWorker: number;
  /** Requests since then that failed or had to be retried. */
  lost: number;
  refused: number;
}

export interface FailureNote {
  readonly atMs: number;
  readonly kind: Kind;
  readonly failure: Failure;
  readonly detail: string;
}

export interface LoadReport {
  readonly durationMs: number;
  readonly ok: number;
  readonly failed: number;
  readonly retried: number;
  readonly kinds: Readonly<Partial<Record<Kind, KindReport>>>;
  /** The first failures, with their error texts. */
  readonly failures: readonly FailureNote[];
  readonly windows: readonly Window[];
  /** Completed requests in each second since the start; the last second is not a whole one. */
  readonly perSecond: readonly number[];
  /** The longest time without a completed request of any kind. */
  readonly longestGapMs: number;
  /** Event-loop utilisation of the client. Above 0.9 its numbers measure the client itself. */
  readonly generatorUtilization: number;
}

/** Enough to see a pattern. Thousands of equal lines would only make the report long. */
const NOTES_KEPT = 100;

interface MutableKind {
  ok: number;
  failed: Record<Failure, number>;
  retried: number;
  goingAway: number;
  latencies: Histogram;
}

export class Tally {
  readonly #kinds = new Map<Kind, MutableKind>();
  readonly #failures: FailureNote[] = [];
  readonly #windows: Window[] = [];
  readonly #perSecond: number[] = [];
  readonly #clock: () => number;
  readonly #startedAt: number;
  #lastOkAt: number;
  #longestGapMs = 0;
  #stopping = false;

  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
    this.#startedAt = clock();
    this.#lastOkAt = this.#startedAt;
  }

  ok(kind: Kind, latencyMs: number): void {
    const now = this.#clock();
    const counts = this.#of(kind);
    counts.ok++;
    counts.latencies.record(latencyMs);
    this.#noteGap(now);
    const second = Math.floor((now - this.#startedAt) / 1000);
    while (this.#perSecond.length <= second) this.#perSecond.push(0);
    this.#perSecond[second] = (this.#perSecond[second] ?? 0) + 1;
  }

  failed(kind: Kind, failure: Failure, detail: string): void {
    this.#of(kind).failed[failure]++;
    const window = this.#windows.at(-1);
    if (window !== undefined) {
      window.lost++;
      if (failure === "refused") window.refused++;
    }
    if (this.#failures.length < NOTES_KEPT) this.#failures.push({ atMs: this.#elapsedMs(), kind, failure, detail });
  }

  retried(kind: Kind): void {
    this.#of(kind).retried++;
    const window = this.#windows.at(-1);
    if (window !== undefined) window.lost++;
  }

  goingAway(kind: Kind): void {
    this.#of(kind).goingAway++;
  }

  mark(label: string, inFlight: number, heldByWorker: number): Window {
    const window: Window = { atMs: this.#elapsedMs(), label, inFlight, heldByWorker, lost: 0, refused: 0 };
    this.#windows.push(window);
    return window;
  }

  /** From here on the clients only finish, so a gap between two answers says nothing about the server. */
  stopping(): void {
    this.#noteGap(this.#clock());
    this.#stopping = true;
  }

  report(generatorUtilization: number): LoadReport {
    const kinds: Partial<Record<Kind, KindReport>> = {};
    let ok = 0;
    let failed = 0;
    let retried = 0;
    for (const [kind, { latencies, ...counts }] of this.#kinds) {
      kinds[kind] = { ...counts, latencyMs: summaryOf(latencies) };
      ok += counts.ok;
      retried += counts.retried;
      for (const failure of FAILURES) failed += counts.failed[failure];
    }
    return {
      durationMs: this.#elapsedMs(),
      ok,
      failed,
      retried,
      kinds,
      failures: this.#failures,
      windows: this.#windows,
      perSecond: this.#perSecond,
      longestGapMs: this.#longestGapMs,
      generatorUtilization,
    };
  }

  #noteGap(now: number): void {
    if (!this.#stopping) this.#longestGapMs = Math.max(this.#longestGapMs, now - this.#lastOkAt);
    this.#lastOkAt = now;
  }

  #of(kind: Kind): MutableKind {
    let counts = this.#kinds.get(kind);
    if (counts === undefined) {
      const failed = Object.fromEntries(FAILURES.map((failure) => [failure, 0])) as Record<Failure, number>;
      counts = { ok: 0, failed, retried: 0, goingAway: 0, latencies: new Histogram() };
      this.#kinds.set(kind, counts);
    }
    return counts;
  }

  #elapsedMs(): number {
    return Math.round(this.#clock() - this.#startedAt);
  }
}

function summaryOf(latencies: Histogram): KindReport["latencyMs"] {
  return { p50: latencies.percentile(0.5), p99: latencies.percentile(0.99), max: latencies.maxMs };
}
