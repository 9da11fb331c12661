/** One run of the generator, in its own process: setup requests, warm-up, the measured window, the last answers, the sample. */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { ClosedLoop } from "./loops/closed-loop.ts";
import { readCpuTime, stealShare } from "./cpus.ts";
import { type LoopOptions, type RunningLoop, timeOutEveryMs } from "./loops/loop.ts";
import { DEFAULT_MAX_CONNECTIONS, OpenLoop } from "./loops/open-loop.ts";
import { DEFAULT_TIMEOUT_MS, type Measured, type Plan } from "./plan.ts";
import type { Failure } from "./http/connection.ts";
import { readyRequest } from "./http/ready-request.ts";
import { Deck } from "./loops/deck.ts";
import { sendSetup } from "./setup.ts";
import { leftOut } from "./verdict.ts";
import { MeasuredWindow } from "./loops/window.ts";

const OWN_FAULT: Failure = "generator";
/** How long the last answers of a closed loop may take: as long as the window, and at least this. They count only in part. */
const LEAST_DRAIN_MS = 1000;

export interface RunHooks {
  readonly signal: AbortSignal;
  readonly maySpin: boolean;
  onEdge(edge: "begin" | "end"): void;
}

export async function run(plan: Plan, hooks: RunHooks): Promise<Measured> {
  const { target, scenario, timeoutMs = DEFAULT_TIMEOUT_MS } = plan;
  const { signal } = hooks;
  const keepAlive = plan.connections !== "per-request";
  const captured = plan.captured ?? (await sendSetup(scenario.setup, target, timeoutMs, signal));
  const startMs = performance.now();
  const window = new MeasuredWindow(startMs + plan.warmUpSeconds * 1000, plan.seconds);
  const requests = scenario.requests.map((each) => readyRequest(each, target, captured, !keepAlive));
  const deck = new Deck(scenario.requests.map(({ weight }) => weight));
  const options: LoopOptions = { target, requests, deck, window, keepAlive, timeoutMs };
  const loop = begin(plan, options, startMs, hooks.maySpin);
  const check = setInterval(() => loop.timeOut(performance.now()), timeOutEveryMs(timeoutMs));
  try {
    await sleepUntil(window.beginMs, signal);
    const before = read(loop);
    hooks.onEdge("begin");
    await sleepUntil(window.endMs, signal);
    hooks.onEdge("end");
    const after = read(loop);
    // Every request that an open loop sent counts: until its answer comes or its time is over.
    const longestMs = "concurrency" in plan.loop ? Math.max(LEAST_DRAIN_MS, plan.seconds * 1000) : Infinity;
    const drainMs = Math.min(timeoutMs + 2 * timeOutEveryMs(timeoutMs), longestMs);
    await Promise.race([loop.drain(), sleep(drainMs, undefined, { signal })]);
    loop.close(performance.now());
    return measured(plan, window, before, after);
  } finally {
    clearInterval(check);
    loop.close(performance.now());
  }
}

function begin({ loop }: Plan, options: LoopOptions, startMs: number, maySpin: boolean): RunningLoop {
  if ("concurrency" in loop) return new ClosedLoop({ ...options, concurrency: loop.concurrency });
  const { rate, maxConnections = DEFAULT_MAX_CONNECTIONS } = loop;
  return new OpenLoop({ ...options, rate, maxConnections, startMs, maySpin });
}

/** Never returns early: a timer may fire within the millisecond before. */
async function sleepUntil(atMs: number, signal: AbortSignal): Promise<void> {
  while (performance.now() < atMs) await sleep(atMs - performance.now(), undefined, { signal });
}

interface Reading {
  readonly atMs: number;
  readonly activeMs: number;
  readonly spunMs: number;
  readonly cpu: ReturnType<typeof readCpuTime>;
}

function read(loop: RunningLoop): Reading {
  const { active } = performance.eventLoopUtilization();
  return { atMs: performance.now(), activeMs: active, spunMs: loop.spunMs ?? 0, cpu: readCpuTime() };
}

function measured({ loop, repetition = 0 }: Plan, window: MeasuredWindow, before: Reading, after: Reading): Measured {
  window.judgeRepeated();
  const { latencies, seconds, errors, errorsByCause } = window;
  const isClosed = "concurrency" in loop;
  const busyMs = after.activeMs - before.activeMs - (after.spunMs - before.spunMs);
  const generatorUtilization = Math.min(1, Math.max(0, busyMs / (after.atMs - before.atMs)));
  const concurrency = isClosed ? loop.concurrency : window.inFlightMs / (seconds * 1000);
  const throughput = window.throughputAnswers / seconds;
  const steal = stealShare(before.cpu, after.cpu);
  const reason = leftOut({
    seconds,
    answers: latencies.count,
    errors,
    ownFaults: errorsByCause[OWN_FAULT] ?? 0,
    generatorUtilization,
    lateShare: window.sent === 0 ? 0 : window.late / window.sent,
    stealShare: steal,
    sentShare: isClosed ? 1 : window.sent / (loop.rate * seconds),
    concurrency,
    throughput,
    meanMs: latencies.meanMs,
  });
  return {
    concurrency,
    repetition,
    ...(isClosed ? {} : { askedRate: loop.rate }),
    seconds,
    answers: latencies.count,
    throughput,
    latency: {
      meanMs: latencies.meanMs,
      p50Ms: latencies.percentile(0.5),
      p95Ms: latencies.percentile(0.95),
      p99Ms: latencies.percentile(0.99),
      maxMs: latencies.maxMs,
    },
    histogram: latencies.buckets(),
    errors,
    errorsByCause,
    generatorUtilization,
    stealShare: steal,
    ...(reason === undefined ? {} : { leftOut: reason }),
  };
}
