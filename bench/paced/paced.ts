/**
 * A load of several streams at once with exact percentiles: closed loops (a number of clients) and open loops (a number of
 * requests a second).
 *
 * An open loop sends when a request is due, whatever happened to the earlier ones, and its latency counts from then. So a
 * server that stalls pays for every request that had to wait (no coordinated omission).
 */
import { Worker } from "node:worker_threads";

export interface Stream {
  readonly name: string;
  readonly path: string;
  /** A closed loop: each client sends its next request when the last is answered. */
  readonly clients?: number;
  /** How long a client of a closed loop rests after an answer. Default 0. */
  readonly restMs?: number;
  /**
   * An open loop: over any connection that is idle, or a new one. With `clients` each of them has its own connection and its
   * own share of the requests, so that one whose connection's thread is blocked is late, as a browser would be.
   */
  readonly perSecond?: number;
  /** The answers are `<who> <start ns> <end ns>`: counts how many handlers ran at once. */
  readonly spans?: boolean;
}

export interface PacedOptions {
  readonly url: string;
  readonly streams: readonly Stream[];
  /** Length of the measured time. It begins after `settleMs`. */
  readonly seconds: number;
  /** Default 0. */
  readonly settleMs?: number;
  /** Clients begin evenly spread over this time. Default 50. */
  readonly rampMs?: number;
  /** How long a refused client waits. Default 1,000. */
  readonly pauseAfterFailureMs?: number;
  /** Default 15,000. */
  readonly timeoutMs?: number;
}

export interface StreamReport {
  readonly ok: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Answered 503: the server is full. */
  readonly shed: number;
  /** Everything else that is not a 2xx. */
  readonly failed: number;
  /** By cause: a status or a kind of failure. */
  readonly failures: Readonly<Record<string, number>>;
  readonly mostAtOnce?: number;
  readonly mostPerWorker?: number;
}

export interface PacedReport {
  readonly streams: Readonly<Record<string, StreamReport>>;
  /** Share of the time in which the client's own loop was busy. Near 1, it was late itself. */
  readonly generatorUtilization: number;
}

export async function pacedLoad(options: PacedOptions): Promise<PacedReport> {
  const thread = new Worker(new URL("./paced-thread.ts", import.meta.url), { workerData: options });
  try {
    return await new Promise<PacedReport>((resolve, reject) => {
      thread.once("message", resolve);
      thread.once("error", reject);
      thread.once("exit", () => reject(new Error("the load client's thread has ended")));
    });
  } finally {
    await thread.terminate();
  }
}

export function streamOf(report: PacedReport, name: string): StreamReport {
  const found = report.streams[name];
  if (found === undefined) throw new Error(`no stream ${name} was measured`);
  return found;
}
