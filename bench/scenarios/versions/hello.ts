import type { Scenario } from "../../harness/scenario.ts";
import { measureThroughput, THROUGHPUT_METRICS } from "../throughput.ts";
import { bothVersions } from "./versions.ts";

const SHAPES: readonly (readonly [name: string, workers: number, flags: string])[] = [
  ["loop × 1", 1, "--threads 1"],
  ["loop, 2 workers", 2, "--threads 1"],
  ["threads × 2", 1, "--model threads --threads 2"],
  ["sync × 2", 2, "--model sync"],
];

const APPS = { "(req, res)": "hello", fetch: "hello-fetch" };

/** One scenario for each app: the servers of a scenario stay up together. */
export const hello: readonly Scenario[] = Object.entries(APPS).map(([shape, app]) => ({
  name: `hello-${app}`,
  title: `Hello world, ${shape}`,
  about: "`wrk -t1 -c64`, keep-alive.",
  standing: true,
  contenders: SHAPES.flatMap(([name, workers, flags]) => bothVersions(name, app, workers, flags)),
  metrics: THROUGHPUT_METRICS,
  targets: SHAPES.map(([name]) => ({
    metric: "requestsPerSecond",
    over: "median" as const,
    contender: `${name}, now`,
    against: `${name}, base`,
    atLeast: 0.98,
  })),
  measure: (running, _contender, pace) => measureThroughput(running, pace, { connections: 64 }),
}));
