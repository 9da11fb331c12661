import type { Scenario } from "../../harness/scenario.ts";
import { streamOf } from "../../paced/paced.ts";
import { cluster } from "../../peers/cluster.ts";
import { go } from "../../peers/go.ts";
import { heddleModels } from "../../peers/heddle-models.ts";
import { jdk } from "../../peers/jdk.ts";
import { withFlags } from "../../peers/model-options.ts";
import { benchApp } from "../../peers/peer.ts";
import { measurePaced, PACED_METRICS, sampleOf } from "./paced.ts";

const app = benchApp("models");
const CLIENTS = 40;
const PER_SECOND = 400;
const BLOCKED_MS = 500;
/** Ten blocks, and 4,000 requests beside them. */
const SHORTEST_SECONDS = 10;
const contender = "heddle tasks × 2";
const over = "median";

export const stalls: Scenario = {
  name: "stalls",
  title: "A thread that is blocked for 500 ms once a second",
  about:
    `${CLIENTS} clients with a connection each send ${PER_SECOND} requests a second together, which wait 5 ms without blocking; they are sent when they are due and timed ` +
    `from then. Beside them, once a second, a request blocks its thread for ${BLOCKED_MS} ms. The latencies are those of the others. Two threads in each ` +
    "server: event loops, scheduler threads (beside one that parses), Go's `GOMAXPROCS`, carrier threads of the JDK. A thread is blocked in `Atomics.wait`, in Go by " +
    "the system call `nanosleep`, in the JDK by a native call.",
  contenders: [
    { name: "heddle loop × 2", peer: heddleModels, app, options: withFlags(1, "--threads 2") },
    { name: contender, peer: heddleModels, app, options: withFlags(1, "--model tasks --threads 2") },
    { name: "heddle actors × 2", peer: heddleModels, app, options: withFlags(1, "--model actors --threads 2") },
    { name: "node:cluster × 2", peer: cluster, app, options: { loops: 2 } },
    { name: "Go, GOMAXPROCS=2", peer: go, app, options: { loops: 2 } },
    { name: "JDK, virtual threads × 2", peer: jdk, app, options: { loops: 2 } },
  ],
  metrics: [...PACED_METRICS, { key: "maxMs", label: "longest", unit: "ms", digits: 0 }],
  targets: [
    { metric: "p99Ms", contender, against: "heddle loop × 2", atMost: 0.333, over },
    { metric: "failed", contender, atMost: 0, over: "every round" },
    { metric: "failed", contender: "heddle actors × 2", atMost: 0, over: "every round" },
  ],
  async measure(running, _contender, pace) {
    const streams = [
      { name: "others", path: "/wait?ms=5", perSecond: PER_SECOND, clients: CLIENTS },
      { name: "blocks", path: `/block?ms=${BLOCKED_MS}`, perSecond: 1, clients: 1 },
    ];
    const seconds = Math.max(SHORTEST_SECONDS, pace.seconds);
    const report = await measurePaced(running, { ...pace, seconds }, { streams, settleMs: 500 });
    const [others, blocks] = [streamOf(report, "others"), streamOf(report, "blocks")];
    return sampleOf(report, "others", { maxMs: others.maxMs, failed: others.failed + blocks.failed });
  },
};
