import type { Scenario } from "../../harness/scenario.ts";
import { streamOf } from "../../paced/paced.ts";
import { cluster } from "../../peers/cluster.ts";
import { heddleModels } from "../../peers/heddle-models.ts";
import { heavyOf, withFlags } from "../../peers/model-options.ts";
import { benchApp } from "../../peers/peer.ts";
import { measurePaced, PACED_METRICS, sampleOf } from "./paced.ts";

const app = benchApp("models");
const routed = benchApp("models-routed");
const LIGHT_PER_SECOND = 200;
const heavy = { heavyPerSecond: 20 };
const contender = "heddle, /cpu on threads";
const over = "median";
/** The latency metrics of the other scenarios, plus the number of heavy requests. */
const SHORTEST_SECONDS = 3;

export const neighbours: Scenario = {
  name: "neighbours",
  title: "Light requests beside heavy ones",
  about:
    "200 requests a second that wait 5 ms without blocking, sent when they are due and timed from then; beside them 20 a second that use 50 ms of " +
    "CPU each, which is one core's worth. The latencies are those of the light ones. *Idle* is the same server without the heavy ones.",
  contenders: [
    { name: contender, peer: heddleModels, app: routed, options: withFlags(1, "--threads 2", heavy) },
    { name: "heddle, idle", peer: heddleModels, app: routed, options: withFlags(1, "--threads 2") },
    { name: "heddle, all on loop", peer: heddleModels, app, options: withFlags(1, "--threads 2", heavy) },
    { name: "node:cluster × 2", peer: cluster, app, options: withFlags(2, "", heavy) },
    { name: "node:cluster × 2, idle", peer: cluster, app, options: withFlags(2, "") },
  ],
  metrics: [...PACED_METRICS, { key: "heavyPerSecond", label: "heavy requests", unit: "1/s", digits: 1 }],
  targets: [
    ...["p95Ms", "p99Ms"].flatMap((metric) => [
      { metric, contender, against: "node:cluster × 2", atMost: 0.25, over } as const,
      { metric, contender, against: "heddle, idle", atMost: 2, over } as const,
    ]),
    { metric: "failed", contender, atMost: 0, over: "every round" },
  ],
  async measure(running, { options }, pace) {
    const perSecond = heavyOf(options);
    const light = { name: "light", path: "/wait?ms=5", perSecond: LIGHT_PER_SECOND };
    const streams = perSecond === 0 ? [light] : [light, { name: "heavy", path: "/cpu?ms=50", perSecond }];
    const seconds = Math.max(SHORTEST_SECONDS, pace.seconds);
    const report = await measurePaced(running, { ...pace, seconds }, { streams, settleMs: 500 });
    return sampleOf(report, "light", perSecond === 0 ? {} : { heavyPerSecond: streamOf(report, "heavy").perSecond });
  },
};
