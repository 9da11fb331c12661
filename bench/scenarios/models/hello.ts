import type { Contender, Scenario } from "../../harness/scenario.ts";
import { heddleModels } from "../../peers/heddle-models.ts";
import { withFlags } from "../../peers/model-options.ts";
import { benchApp } from "../../peers/peer.ts";
import { measureThroughput, THROUGHPUT_METRICS } from "../throughput.ts";

const ABOUT =
  "`wrk -t1 -c64`, keep-alive. Every app three times: on one loop, on two loops, and with one serving thread and two handler threads. " +
  "The ratio is what it costs to hand each request to another thread and its answer back.";

export const helloThreads: Scenario = scenario("hello-threads", "Hello world through `threads`", 0.55, {
  "(req, res)": "hello",
  fetch: "hello-fetch",
});

export const frameworksThreads: Scenario = scenario("frameworks-threads", "Frameworks through `threads`", 0.7, {
  express: "hello-express",
  fastify: "hello-fastify",
});

function scenario(name: string, title: string, atLeast: number, apps: Readonly<Record<string, string>>): Scenario {
  return {
    name,
    title,
    about: ABOUT,
    standing: true,
    contenders: Object.entries(apps).flatMap(([shape, file]) => contenders(shape, file)),
    metrics: THROUGHPUT_METRICS,
    targets: Object.keys(apps).flatMap((shape) =>
      ["loop × 1", "loop × 2"].map((reference) => ({
        metric: "requestsPerSecond",
        over: "median" as const,
        contender: `${shape}, threads × 2`,
        against: `${shape}, ${reference}`,
        atLeast,
      })),
    ),
    measure: (running, _contender, pace) => measureThroughput(running, pace, { connections: 64 }),
  };
}

function contenders(shape: string, file: string): Contender[] {
  const common = { peer: heddleModels, app: benchApp(file) };
  return [
    { name: `${shape}, loop × 1`, ...common, options: withFlags(1, "--threads 1") },
    { name: `${shape}, loop × 2`, ...common, options: withFlags(1, "--threads 2") },
    { name: `${shape}, threads × 2`, ...common, options: withFlags(1, "--model threads --threads 2") },
  ];
}
