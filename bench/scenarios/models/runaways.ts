import type { Scenario } from "../../harness/scenario.ts";
import { streamOf } from "../../paced/paced.ts";
import { heddleModels } from "../../peers/heddle-models.ts";
import { heavyOf, withFlags } from "../../peers/model-options.ts";
import { benchApp } from "../../peers/peer.ts";
import { measurePaced, PACED_METRICS, sampleOf } from "./paced.ts";

const app = benchApp("models");
const PER_SECOND = 400;
/** One request in a thousand. */
const RUNAWAYS_PER_SECOND = PER_SECOND / 1000;
const SHORTEST_SECONDS = 6;
const flags = "--model threads --threads 4 --timeout 1s";
const contender = "1 in 1,000 never ends";

export const runaways: Scenario = {
  name: "runaways",
  title: "An infinite loop in one of 1,000 requests",
  about:
    `\`heddle serve ${flags}\`: ${PER_SECOND} requests a second that block for 5 ms, sent when they are due and timed from then. Beside them, one for every ` +
    "thousand, requests whose handler loops for ever: each costs its thread, which is ended after a second and replaced, and is answered 504. " +
    "Rates and latencies are of the others.",
  contenders: [
    { name: contender, peer: heddleModels, app, options: withFlags(1, flags, { heavyPerSecond: RUNAWAYS_PER_SECOND }) },
    { name: "without", peer: heddleModels, app, options: withFlags(1, flags) },
  ],
  metrics: [
    ...PACED_METRICS,
    { key: "ended", label: "never-ending, answered 504", unit: "", digits: 0 },
    { key: "lost", label: "never-ending, answered otherwise", unit: "", digits: 0 },
  ],
  targets: [
    { metric: "failed", contender, atMost: 0, over: "every round" },
    { metric: "shed", contender, atMost: 0, over: "every round" },
    { metric: "p99Ms", contender, against: "without", atMost: 2, over: "median" },
  ],
  async measure(running, { options }, pace) {
    const perSecond = heavyOf(options);
    const others = { name: "others", path: "/block?ms=5", perSecond: PER_SECOND };
    const streams = perSecond === 0 ? [others] : [others, { name: "runaways", path: "/forever", perSecond }];
    const seconds = Math.max(SHORTEST_SECONDS, pace.seconds);
    const report = await measurePaced(running, { ...pace, seconds }, { streams, settleMs: 500 });
    if (perSecond === 0) return sampleOf(report, "others");
    const { ok, shed, failed, failures } = streamOf(report, "runaways");
    const ended = failures["504"] ?? 0;
    return sampleOf(report, "others", { ended, lost: ok + shed + failed - ended });
  },
};
