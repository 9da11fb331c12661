/** The thread of paced.ts: all simulated clients, so that nothing else delays them. */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { percentile } from "../harness/ratios.ts";
import { Connection } from "./connection.ts";
import type { PacedOptions, PacedReport, Stream, StreamReport } from "./paced.ts";

const options = workerData as PacedOptions;
const { settleMs = 0, rampMs = 50, pauseAfterFailureMs = 1000, timeoutMs = 15_000 } = options;
const { hostname, port, host } = new URL(options.url);
const startedAt = performance.now();
const fromMs = startedAt + settleMs;
const untilMs = fromMs + options.seconds * 1000;

interface Span {
  readonly who: string;
  readonly start: bigint;
  readonly end: bigint;
}

class Counts {
  readonly latencies: number[] = [];
  readonly spans: Span[] = [];
  readonly failures: Record<string, number> = {};

  failed(what: string): void {
    this.failures[what] = (this.failures[what] ?? 0) + 1;
  }

  report(stream: Stream): StreamReport {
    const { latencies, failures, spans } = this;
    const { "503": shed = 0, ...others } = failures;
    const at = (share: number): number => percentile(latencies, share);
    return {
      ok: latencies.length,
      perSecond: latencies.length / options.seconds,
      p50Ms: at(0.5),
      p95Ms: at(0.95),
      p99Ms: at(0.99),
      maxMs: at(1),
      shed,
      failed: Object.values(others).reduce((sum, count) => sum + count, 0),
      failures,
      ...(stream.spans === true ? { mostAtOnce: overlap(spans), mostPerWorker: overlapPerWorker(spans) } : {}),
    };
  }
}

const utilization = performance.eventLoopUtilization();
const streams: PacedReport["streams"] = Object.fromEntries(
  await Promise.all(options.streams.map(async (stream) => [stream.name, await runStream(stream)] as const)),
);
const report: PacedReport = {
  streams,
  generatorUtilization: performance.eventLoopUtilization(utilization).utilization,
};
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
parentPort?.postMessage(report);

async function runStream(stream: Stream): Promise<StreamReport> {
  const counts = new Counts();
  const { perSecond, clients } = stream;
  if (perSecond === undefined) await runClosed(stream, clients ?? 1, counts);
  else if (clients === undefined) await runOpen(stream, perSecond, counts);
  else await Promise.all(dueTimes(perSecond, clients).map((dues) => runDue(stream, dues, counts)));
  return counts.report(stream);
}

/** A request counts if it ends within the measured time. Those on their way at its end are not counted. */
async function runClosed(stream: Stream, clients: number, counts: Counts): Promise<void> {
  for (let index = 0; index < clients; index++) void runClient(stream, (index * rampMs) / clients, counts);
  await sleep(untilMs - performance.now());
}

async function runClient(stream: Stream, afterMs: number, counts: Counts): Promise<void> {
  await sleep(afterMs);
  const bytes = requestBytes(stream);
  let connection: Connection | undefined;
  while (performance.now() < untilMs) {
    if (connection?.usable !== true) connection = new Connection(hostname, Number(port));
    const sentAt = performance.now();
    const good = await sendOne(connection, bytes, stream, sentAt, () => isMeasured(performance.now()), counts);
    const restMs = good ? (stream.restMs ?? 0) : pauseAfterFailureMs;
    if (restMs > 0) await sleep(restMs);
  }
  connection?.close();
}

/** A request counts if it was due within the measured time, however late its answer came. */
async function runOpen(stream: Stream, perSecond: number, counts: Counts): Promise<void> {
  const bytes = requestBytes(stream);
  const idle: Connection[] = [];
  const pending = new Set<Promise<void>>();
  const everyMs = 1000 / perSecond;
  for (let dueAt = startedAt + everyMs / 2; dueAt < untilMs; dueAt += everyMs) {
    const early = dueAt - performance.now();
    if (early > 0) await sleep(early);
    const dueNow = dueAt;
    const one = (async (): Promise<void> => {
      let connection = idle.pop();
      while (connection !== undefined && !connection.usable) connection = idle.pop();
      connection ??= new Connection(hostname, Number(port));
      await sendOne(connection, bytes, stream, dueNow, () => isMeasured(dueNow), counts);
      if (connection.usable) idle.push(connection);
    })();
    pending.add(one);
    void one.finally(() => pending.delete(one));
  }
  await Promise.all(pending);
  for (const connection of idle) connection.close();
}

/** When each client's requests are due: those of all clients together are evenly spread. */
function dueTimes(perSecond: number, clients: number): number[][] {
  const everyMs = 1000 / perSecond;
  const times = Array.from({ length: clients }, (): number[] => []);
  let client = 0;
  for (let dueAt = startedAt + everyMs / 2; dueAt < untilMs; dueAt += everyMs) times[client++ % clients]?.push(dueAt);
  return times;
}

/** One client: a request that is due before the last one is answered waits for it, and its latency counts from when it was due. */
async function runDue(stream: Stream, dues: readonly number[], counts: Counts): Promise<void> {
  const bytes = requestBytes(stream);
  let connection: Connection | undefined;
  for (const dueAt of dues) {
    const early = dueAt - performance.now();
    if (early > 0) await sleep(early);
    if (performance.now() > untilMs + timeoutMs) {
      // A server that has stopped to answer must not hold up the benchmark for a timeout per request.
      if (isMeasured(dueAt)) counts.failed("never sent");
      continue;
    }
    if (connection?.usable !== true) connection = new Connection(hostname, Number(port));
    await sendOne(connection, bytes, stream, dueAt, () => isMeasured(dueAt), counts);
  }
  connection?.close();
}

async function sendOne(
  connection: Connection,
  bytes: string,
  stream: Stream,
  sinceMs: number,
  counted: () => boolean,
  counts: Counts,
): Promise<boolean> {
  const answer = await connection.request({ bytes }, timeoutMs);
  const endedAt = performance.now();
  const good = answer.complete && answer.response.status >= 200 && answer.response.status < 300;
  if (!counted()) return good;
  if (!answer.complete) counts.failed(answer.failure);
  else if (!good) counts.failed(String(answer.response.status));
  else {
    counts.latencies.push(endedAt - sinceMs);
    if (stream.spans === true) counts.spans.push(parseSpan(answer.response.body));
  }
  return good;
}

function isMeasured(atMs: number): boolean {
  return atMs >= fromMs && atMs < untilMs;
}

function requestBytes({ path }: Stream): string {
  return `GET ${path} HTTP/1.1\r\nhost: ${host}\r\n\r\n`;
}

function parseSpan(body: string): Span {
  const [who = "", start = "0", end = "0"] = body.trim().split(" ");
  return { who, start: BigInt(start), end: BigInt(end) };
}

/** The most spans at one moment. An end counts before a start at the same nanosecond. */
function overlap(spans: readonly Span[]): number {
  const edges = spans.flatMap(({ start, end }) => [
    { at: start, by: 1 },
    { at: end, by: -1 },
  ]);
  edges.sort((a, b) => (a.at === b.at ? a.by - b.by : a.at < b.at ? -1 : 1));
  let now = 0;
  let most = 0;
  for (const { by } of edges) most = Math.max(most, (now += by));
  return most;
}

function overlapPerWorker(spans: readonly Span[]): number {
  return Math.max(
    0,
    ...Map.groupBy(spans, ({ who }) => who)
      .values()
      .map(overlap),
  );
}
