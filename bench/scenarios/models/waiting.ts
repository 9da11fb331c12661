import { openFilesLimit } from "../../harness/machine.ts";
import { treeMemory } from "../../harness/memory.ts";
import type { Pace, Sample, Scenario } from "../../harness/scenario.ts";
import { wrk } from "../../harness/wrk.ts";
import { pacedLoad, streamOf } from "../../paced/paced.ts";
import { cluster } from "../../peers/cluster.ts";
import { go } from "../../peers/go.ts";
import { heddleModels } from "../../peers/heddle-models.ts";
import { jdk } from "../../peers/jdk.ts";
import { withFlags } from "../../peers/model-options.ts";
import { benchApp, type RunningPeer } from "../../peers/peer.ts";
import { PACED_METRICS, sampleOf } from "./paced.ts";

const app = benchApp("models");
const CLIENTS = 5000;
const WAIT_MS = 50;
/** With it, 500 requests wait at any moment, and one core can both send and receive them all. */
const REST_MS = 450;
const IDEAL = (CLIENTS * 1000) / (WAIT_MS + REST_MS);
const PATH = `/wait?ms=${WAIT_MS}`;
/** 2,500 new connections a second are far below what any contender accepts. */
const RAMP_MS = CLIENTS / 2.5;
const OTHER_FILES = 200;
const SHORTEST_SECONDS = 5;
const WITHIN = 0.95;
const TARGETED = ["heddle tasks × 2", "heddle actors × 2"];

export const waiting: Scenario = {
  name: "waiting-5k",
  title: "5,000 clients and a handler that waits 50 ms",
  about:
    `${CLIENTS.toLocaleString("en")} keep-alive clients; each sends a request, gets its answer after ${WAIT_MS} ms at best, and rests for ${REST_MS} ms. Ideal are ${IDEAL.toLocaleString("en")} answers a second. ` +
    "*Without rest* is the same handler under `wrk -t1 -c5000`: each client sends its next request at once, so that the cost of a request sets the pace " +
    "(the ideal of 100,000 is more than two cores can do).",
  atMostRounds: 3,
  contenders: [
    { name: "heddle loop × 2", peer: heddleModels, app, options: withFlags(1, "--threads 2") },
    { name: "heddle tasks × 2", peer: heddleModels, app, options: withFlags(1, "--model tasks --threads 2") },
    { name: "heddle actors × 2", peer: heddleModels, app, options: withFlags(1, "--model actors --threads 2") },
    { name: "node:cluster × 2", peer: cluster, app, options: { loops: 2 } },
    { name: "Go, GOMAXPROCS=2", peer: go, app, options: { loops: 2 } },
    { name: "JDK, virtual threads × 2", peer: jdk, app, options: { loops: 2 } },
  ],
  metrics: [
    { key: "ofIdeal", label: "share of ideal", unit: "", digits: 3 },
    ...PACED_METRICS,
    { key: "withoutRest", label: "without rest", unit: "1/s", digits: 0 },
    { key: "withoutRestErrors", label: "errors there", unit: "", digits: 0 },
    { key: "pssMiB", label: "memory (PSS)", unit: "MiB", digits: 0 },
  ],
  targets: TARGETED.flatMap((contender) => [
    { metric: "ofIdeal", contender, atLeast: WITHIN, over: "median" as const },
    { metric: "failed", contender, atMost: 0, over: "every round" as const },
  ]),
  measure: (running, _contender, pace) => measure(running, pace),
};

async function measure(running: RunningPeer, pace: Pace): Promise<Sample> {
  if (openFilesLimit() < CLIENTS + OTHER_FILES) {
    throw new Error(
      `a process may open ${openFilesLimit()} files here, ${CLIENTS + OTHER_FILES} are needed: raise \`ulimit -n\``,
    );
  }
  const seconds = Math.max(SHORTEST_SECONDS, pace.seconds);
  const report = await pacedLoad({
    url: running.url,
    streams: [{ name: "wait", path: PATH, clients: CLIENTS, restMs: REST_MS }],
    seconds,
    rampMs: RAMP_MS,
    settleMs: RAMP_MS + 2000,
  });
  const { pssMiB } = treeMemory(running.pids());
  const flood = await wrk(running.url + PATH, { connections: CLIENTS, seconds });
  const { connect, read, write, timeout } = flood.errors;
  const sample = sampleOf(report, "wait", {
    ofIdeal: streamOf(report, "wait").perSecond / IDEAL,
    withoutRest: flood.requestsPerSecond,
    withoutRestErrors: connect + read + write + timeout + flood.non2xx,
    pssMiB,
  });
  return { ...sample, detail: { report, flood } };
}
