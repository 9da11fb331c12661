import type { Scenario } from "../../harness/scenario.ts";
import { pacedLoad, streamOf } from "../../paced/paced.ts";
import { heddleModels } from "../../peers/heddle-models.ts";
import { withFlags } from "../../peers/model-options.ts";
import { benchApp } from "../../peers/peer.ts";
import { sampleOf } from "./paced.ts";

const app = benchApp("models");
/** Slow enough that a spare thread is always ready again. */
const LOW_RATE = 5;
const SHORTEST_SECONDS = 4;
const contender = "thread-per-request × 16";

export const freshThreads: Scenario = {
  name: "fresh-threads",
  title: "A fresh thread for every request",
  about:
    "Hello world. First five requests a second, so that a spare thread is always ready: the latency is what a request pays for a thread of its own. Then " +
    "16 clients as fast as they are answered: the *ceiling* is how many threads a second can be started and ended here.",
  contenders: [
    { name: contender, peer: heddleModels, app, options: withFlags(1, "--model thread-per-request --threads 16") },
    { name: "loop × 1", peer: heddleModels, app, options: withFlags(1, "--threads 1") },
  ],
  metrics: [
    { key: "p50Ms", label: "p50 at 5/s", unit: "ms", digits: 2 },
    { key: "p99Ms", label: "p99 at 5/s", unit: "ms", digits: 2 },
    { key: "ceiling", label: "ceiling", unit: "1/s", digits: 0 },
    { key: "ceilingP95Ms", label: "p95 there", unit: "ms", digits: 1 },
    { key: "shed", label: "shed there (503)", unit: "", digits: 0 },
    { key: "failed", label: "failed there", unit: "", digits: 0 },
  ],
  targets: [
    { metric: "p50Ms", contender, atMost: 3, over: "median" },
    { metric: "failed", contender, atMost: 0, over: "every round" },
  ],
  async measure(running, _contender, pace) {
    const { url } = running;
    const seconds = Math.max(SHORTEST_SECONDS, pace.seconds);
    const slow = await pacedLoad({
      url,
      seconds,
      settleMs: 1000,
      streams: [{ name: "slow", path: "/", perSecond: LOW_RATE }],
    });
    const fast = await pacedLoad({ url, seconds, settleMs: 1000, streams: [{ name: "fast", path: "/", clients: 16 }] });
    const { perSecond, p95Ms, shed, failed } = streamOf(fast, "fast");
    const { metrics } = sampleOf(slow, "slow", { ceiling: perSecond, ceilingP95Ms: p95Ms, shed, failed });
    return { metrics, detail: { slow, fast } };
  },
};
