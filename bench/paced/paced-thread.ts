/** The thread of paced.ts: all simulated clients, so that nothing else delays them. The loops are those of `heddle tune`. */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { ClosedLoop } from "../../src/tune/load/loops/closed-loop.ts";
import { type LoopOptions, type RunningLoop, timeOutEveryMs } from "../../src/tune/load/loops/loop.ts";
import { DEFAULT_MAX_CONNECTIONS, OpenLoop } from "../../src/tune/load/loops/open-loop.ts";
import { readyRequest } from "../../src/tune/load/http/ready-request.ts";
import { Deck } from "../../src/tune/load/loops/deck.ts";
import { MeasuredWindow } from "../../src/tune/load/loops/window.ts";
import { parsePath } from "../../src/tune/scenario/scenario.ts";
import type { PacedOptions, PacedReport, Stream, StreamReport } from "./paced.ts";
import { overlap, overlapPerWorker, parseSpan, SPAN_BYTES, type Span } from "./spans.ts";

const options = workerData as PacedOptions;
const { settleMs = 0, rampMs = 50, pauseAfterFailureMs = 1000, timeoutMs = 15_000 } = options;
const { hostname, port } = new URL(options.url);
const target = { host: hostname, port: Number(port) };
const startMs = performance.now();
const utilization = performance.eventLoopUtilization();

const streams = options.streams.map((stream) => begin(stream));
const loops = streams.flatMap((each) => each.loops);
const check = setInterval(() => {
  for (const loop of loops) loop.timeOut(performance.now());
}, timeOutEveryMs(timeoutMs));
// A timer may be early by less than a millisecond, and what is under way would count as failed within the window.
const endMs = startMs + settleMs + options.seconds * 1000;
while (performance.now() < endMs) await sleep(Math.ceil(endMs - performance.now()));
// Every request of an open loop that was due counts; those that a closed loop has under way do not.
const isOpen = ({ stream }: Begun): boolean => stream.perSecond !== undefined;
for (const { loops: each } of streams.filter((begun) => !isOpen(begun))) close(each);
await Promise.all(streams.filter(isOpen).map(({ loops: each }) => drain(each)));
clearInterval(check);
const report: PacedReport = {
  streams: Object.fromEntries(
    streams.map(({ stream, window, spans }) => [stream.name, reportOf(stream, window, spans)]),
  ),
  generatorUtilization: performance.eventLoopUtilization(utilization).utilization,
};
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
parentPort?.postMessage(report);

interface Begun {
  readonly stream: Stream;
  readonly window: MeasuredWindow;
  readonly spans: Span[];
  readonly loops: readonly RunningLoop[];
}

function begin(stream: Stream): Begun {
  const window = new MeasuredWindow(startMs + settleMs, options.seconds);
  const spans: Span[] = [];
  const common: LoopOptions = {
    target,
    requests: [readyRequest({ ...parsePath(stream.path), expect: ["2xx"] }, target)],
    deck: new Deck([1]),
    window,
    keepAlive: true,
    timeoutMs,
    ...(stream.spans === true ? { keepBytes: SPAN_BYTES, onCounted: ({ body }) => spans.push(parseSpan(body)) } : {}),
  };
  return { stream, window, spans, loops: loopsOf(stream, common) };
}

function loopsOf({ perSecond, clients, restMs }: Stream, common: LoopOptions): RunningLoop[] {
  if (perSecond === undefined) {
    const pauses = { pauseAfterBadMs: pauseAfterFailureMs, pauseAfterFailureMs };
    return [new ClosedLoop({ ...common, ...pauses, concurrency: clients ?? 1, rampMs, restMs: restMs ?? 0 })];
  }
  const everyMs = 1000 / perSecond;
  const open = (rate: number, maxConnections: number, afterMs: number): OpenLoop =>
    new OpenLoop({ ...common, rate, maxConnections, startMs: startMs + everyMs / 2 + afterMs, maySpin: false });
  if (clients === undefined) return [open(perSecond, DEFAULT_MAX_CONNECTIONS, 0)];
  // Those of all clients together are evenly spread.
  return Array.from({ length: clients }, (_, client) => open(perSecond / clients, 1, client * everyMs));
}

async function drain(each: readonly RunningLoop[]): Promise<void> {
  // A server that has stopped to answer must not hold up the benchmark for a timeout per request.
  await Promise.race([Promise.all(each.map((loop) => loop.drain())), sleep(timeoutMs, undefined, { ref: false })]);
  close(each);
}

function close(each: readonly RunningLoop[]): void {
  for (const loop of each) loop.close(performance.now());
}

function reportOf(stream: Stream, window: MeasuredWindow, spans: readonly Span[]): StreamReport {
  const { latencies, errors, errorsByCause } = window;
  const shed = errorsByCause["503"] ?? 0;
  return {
    ok: latencies.count,
    perSecond: latencies.count / options.seconds,
    p50Ms: latencies.percentile(0.5),
    p95Ms: latencies.percentile(0.95),
    p99Ms: latencies.percentile(0.99),
    maxMs: latencies.maxMs,
    shed,
    failed: errors - shed,
    failures: errorsByCause,
    ...(stream.spans === true ? { mostAtOnce: overlap(spans), mostPerWorker: overlapPerWorker(spans) } : {}),
  };
}
