import type { Scenario } from "../../harness/scenario.ts";
import { streamOf } from "../../paced/paced.ts";
import { cluster } from "../../peers/cluster.ts";
import { go } from "../../peers/go.ts";
import { gunicorn, uvicorn } from "../../peers/gunicorn.ts";
import { heddleModels } from "../../peers/heddle-models.ts";
import { withFlags } from "../../peers/model-options.ts";
import { benchApp } from "../../peers/peer.ts";
import { puma } from "../../peers/puma.ts";
import { measurePaced, PACED_METRICS, sampleOf } from "./paced.ts";

const app = benchApp("models");
const BLOCKED_MS = 20;
const CLIENTS = 64;
/** 2 × 16 threads, each 50 times a second. */
const IDEAL = (32 * 1000) / BLOCKED_MS;
const contender = "heddle threads, 2 × 16";
const over = "median";

export const blocking: Scenario = {
  name: "blocking",
  title: "A handler that blocks for 20 ms",
  about:
    "64 keep-alive clients, each sends its next request when the last is answered. The handler blocks its thread for 20 ms (`Atomics.wait`, " +
    "`time.sleep`, `sleep`), so two workers of 16 threads can give 1,600 answers a second at best. Go parks a goroutine instead of a thread " +
    "and has no such ceiling.",
  contenders: [
    { name: contender, peer: heddleModels, app, options: withFlags(2, "--model threads --threads 16") },
    { name: "Puma, 2 × 16", peer: puma, app, options: withFlags(2, "--threads 16:16") },
    { name: "gthread, 2 × 16", peer: gunicorn, app, options: withFlags(2, "-k gthread --threads 16") },
    { name: "Uvicorn workers × 2", peer: uvicorn, app, options: withFlags(2, "-k uvicorn.workers.UvicornWorker") },
    { name: "node:cluster × 2", peer: cluster, app, options: { loops: 2 } },
    { name: "Go, GOMAXPROCS=2", peer: go, app: benchApp("wait", "/wait?ms=0"), options: { loops: 2 } },
  ],
  metrics: [{ key: "ofIdeal", label: "share of ideal", unit: "", digits: 3 }, ...PACED_METRICS],
  targets: [
    { metric: "ofIdeal", contender, atLeast: 0.97, over },
    { metric: "p99Ms", contender, against: "Puma, 2 × 16", atMost: 1, over },
    { metric: "p99Ms", contender, against: "gthread, 2 × 16", atMost: 1, over },
    { metric: "failed", contender, atMost: 0, over: "every round" },
  ],
  async measure(running, { peer }, pace) {
    const path = `${peer === go ? "/wait" : "/block"}?ms=${BLOCKED_MS}`;
    const report = await measurePaced(running, pace, {
      streams: [{ name: "block", path, clients: CLIENTS }],
      settleMs: 500,
    });
    return sampleOf(report, "block", { ofIdeal: streamOf(report, "block").perSecond / IDEAL });
  },
};
