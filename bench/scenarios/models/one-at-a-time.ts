import type { Contender, Scenario } from "../../harness/scenario.ts";
import { streamOf } from "../../paced/paced.ts";
import { gunicorn } from "../../peers/gunicorn.ts";
import { heddleModels } from "../../peers/heddle-models.ts";
import { withFlags } from "../../peers/model-options.ts";
import { benchApp } from "../../peers/peer.ts";
import { measurePaced, PACED_METRICS, sampleOf } from "./paced.ts";

const app = benchApp("models");
const BLOCKED_MS = 20;
const CLIENTS = 32;
const WORKERS = [2, 4];

export const oneAtATime: Scenario = {
  name: "sync",
  title: "`sync`: one request at a time in each worker",
  about:
    "32 clients; the handler blocks for 20 ms and both servers end the connection with each answer. Every answer says which process gave it and when " +
    "its handler began and ended: from that come how many handlers ran at once, in one worker and in all.",
  contenders: WORKERS.flatMap((workers): Contender[] => [
    { name: `heddle sync × ${workers}`, peer: heddleModels, app, options: withFlags(workers, "--model sync") },
    { name: `Gunicorn sync × ${workers}`, peer: gunicorn, app, options: withFlags(workers, "-k sync") },
  ]),
  metrics: [
    { key: "ofIdeal", label: "share of ideal", unit: "", digits: 3 },
    { key: "mostPerWorker", label: "at once in a worker", unit: "", digits: 0 },
    { key: "mostAtOnce", label: "at once", unit: "", digits: 0 },
    ...PACED_METRICS,
  ],
  targets: WORKERS.flatMap((workers) => {
    const contender = `heddle sync × ${workers}`;
    return [
      { metric: "mostPerWorker", contender, atMost: 1, over: "every round" as const },
      { metric: "mostAtOnce", contender, atLeast: workers, atMost: workers, over: "every round" as const },
      { metric: "failed", contender, atMost: 0, over: "every round" as const },
      { metric: "ofIdeal", contender, against: `Gunicorn sync × ${workers}`, atLeast: 1, over: "median" as const },
    ];
  }),
  async measure(running, { options }, pace) {
    const streams = [{ name: "block", path: `/block?ms=${BLOCKED_MS}`, clients: CLIENTS, spans: true }];
    const report = await measurePaced(running, pace, { streams, settleMs: 500 });
    const { perSecond, mostAtOnce = 0, mostPerWorker = 0 } = streamOf(report, "block");
    const ofIdeal = perSecond / ((options.loops * 1000) / BLOCKED_MS);
    return sampleOf(report, "block", { ofIdeal, mostAtOnce, mostPerWorker });
  },
};
