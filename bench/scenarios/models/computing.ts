import type { Scenario } from "../../harness/scenario.ts";
import { gunicorn } from "../../peers/gunicorn.ts";
import { heddleModels } from "../../peers/heddle-models.ts";
import { withFlags } from "../../peers/model-options.ts";
import { benchApp } from "../../peers/peer.ts";
import { puma } from "../../peers/puma.ts";
import { measurePaced, PACED_METRICS, sampleOf } from "./paced.ts";

const app = benchApp("models");
const metric = "requestsPerSecond";
const over = "median";

export const computing: Scenario = {
  name: "computing",
  title: "A handler that computes for 10 ms: two threads against one",
  about:
    "8 clients, each sends its next request when the last is answered. The handler uses 10 ms of CPU time, by the clock of its own thread. " +
    "One process with one thread and with two: under a global lock the second adds nothing.",
  contenders: [1, 2].flatMap((threads) => [
    {
      name: `heddle threads × ${threads}`,
      peer: heddleModels,
      app,
      options: withFlags(1, `--model threads --threads ${threads}`),
    },
    { name: `gthread × ${threads}`, peer: gunicorn, app, options: withFlags(1, `-k gthread --threads ${threads}`) },
    { name: `Puma × ${threads}`, peer: puma, app, options: withFlags(0, `--threads ${threads}:${threads}`) },
  ]),
  metrics: PACED_METRICS,
  targets: [
    { metric, contender: "heddle threads × 2", against: "heddle threads × 1", atLeast: 1.8, over },
    { metric, contender: "gthread × 2", against: "gthread × 1", atMost: 1.2, over },
  ],
  async measure(running, _contender, pace) {
    const streams = [{ name: "cpu", path: "/cpu?ms=10", clients: 8 }];
    return sampleOf(await measurePaced(running, pace, { streams, settleMs: 300 }), "cpu");
  },
};
