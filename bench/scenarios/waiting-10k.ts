import { setTimeout as sleep } from "node:timers/promises";
import { openFilesLimit } from "../harness/machine.ts";
import { treeMemory } from "../harness/memory.ts";
import { median } from "../harness/ratios.ts";
import type { Pace, Sample, Scenario } from "../harness/scenario.ts";
import { startMixedLoad } from "../mixed/start.ts";
import { bare } from "../peers/bare.ts";
import { cluster } from "../peers/cluster.ts";
import { go } from "../peers/go.ts";
import { heddle } from "../peers/heddle.ts";
import { benchApp, type RunningPeer } from "../peers/peer.ts";

const app = benchApp("wait", "/?ms=0");
const WAIT_MS = 1000;
/** Connecting everyone at once would measure the backlog: 2,500 connections per second are far below what any contender accepts. */
const RAMP_MS = 4000;
const SHORTEST_SECONDS = 10;
/** Libraries, pipes and listeners beside the connections. */
const OTHER_FILES = 200;

export const waiting10k: Scenario = {
  name: "waiting-10k",
  title: "10,000 clients waiting for a handler that waits",
  about:
    "10,000 keep-alive connections, each sends its next request when the last is answered; the handler answers after one second. The clients " +
    "connect evenly over 4 s, two more seconds are left out, and the completions of each second after that are counted: ideal is one per " +
    "client and second. The client is the repository's own (`bench/load`), in one thread, and counts every request that fails. " +
    "(A quick run has 1,000 clients.)",
  atMostRounds: 2,
  contenders: [
    { name: "heddle, 1 thread", peer: heddle, app, options: { loops: 1 } },
    { name: "heddle, 2 threads", peer: heddle, app, options: { loops: 2 } },
    { name: "bare × 1", peer: bare, app, options: { loops: 1 } },
    { name: "node:cluster × 2", peer: cluster, app, options: { loops: 2 } },
    { name: "Go, GOMAXPROCS=2", peer: go, app: benchApp("wait", "/wait?ms=0"), options: { loops: 2 } },
  ],
  metrics: [
    { key: "ofIdeal", label: "share of ideal", unit: "", digits: 3 },
    { key: "slowestSecond", label: "slowest second", unit: "1/s", digits: 0 },
    { key: "p50Ms", label: "p50", unit: "ms", digits: 0 },
    { key: "p99Ms", label: "p99", unit: "ms", digits: 0 },
    { key: "failed", label: "failed", unit: "", digits: 0 },
    { key: "pssMiB", label: "memory (PSS)", unit: "MiB", digits: 0 },
    {
      key: "generator",
      label: "generator's loop busy",
      unit: "",
      digits: 2,
      doubtful: { above: 0.9, because: "the generator may have been late itself" },
    },
  ],
  targets: [
    { metric: "ofIdeal", contender: "heddle, 2 threads", atLeast: 0.95, over: "median" },
    { metric: "failed", contender: "heddle, 2 threads", atMost: 0, over: "every round" },
    { metric: "ofIdeal", contender: "heddle, 1 thread", atLeast: 0.95, over: "median" },
    { metric: "ofIdeal", contender: "heddle, 1 thread", against: "bare × 1", atLeast: 0.95, over: "median" },
    { metric: "failed", contender: "heddle, 1 thread", atMost: 0, over: "every round" },
  ],
  measure: (running, contender, pace) => measure(running, pace, contender.peer === go ? "/wait" : "/"),
};

async function measure(running: RunningPeer, pace: Pace, path: string): Promise<Sample> {
  const clients = pace.quick ? 1000 : 10_000;
  const rampMs = pace.quick ? 1000 : RAMP_MS;
  const seconds = pace.quick ? 3 : Math.max(SHORTEST_SECONDS, pace.seconds);
  if (openFilesLimit() < clients + OTHER_FILES) {
    throw new Error(
      `a process may open ${openFilesLimit()} files here, ${clients + OTHER_FILES} are needed: raise \`ulimit -n\``,
    );
  }
  const load = startMixedLoad({
    url: running.url,
    keepAlive: clients,
    paths: { keepAlive: `${path}?ms=${WAIT_MS}` },
    pauseMs: 0,
    rampMs,
    timeoutMs: 10_000,
    maxDurationMs: rampMs + (seconds + 30) * 1000,
  });
  await load.ready;
  await sleep((2 + seconds) * 1000);
  const { pssMiB } = treeMemory(running.pids());
  const report = await load.stop();
  const first = rampMs / 1000 + 2;
  const steady = report.perSecond.slice(first, first + seconds);
  const latency = report.kinds.keepAlive?.latencyMs;
  return {
    metrics: {
      ofIdeal: median(steady) / ((clients * 1000) / WAIT_MS),
      slowestSecond: Math.min(...steady),
      p50Ms: latency?.p50 ?? Number.NaN,
      p99Ms: latency?.p99 ?? Number.NaN,
      failed: report.failed + report.retried,
      pssMiB,
      generator: report.generatorUtilization,
    },
    // The first ones show what went wrong; the counts have them all.
    detail: { ...report, failures: report.failures.slice(0, 20) },
  };
}
