/** Draws throughput and latency of the models against concurrency, from the scenario `c10k` of `npm run bench:models`. */

import { CLIENTS, nameOf } from "../scenarios/models/ceilings.ts";
import { type Line, lineChart } from "./line-chart.ts";
import { medianOf, type Results } from "./results.ts";
import { measuredModels } from "./tables.ts";

const COLORS: Readonly<Record<string, string>> = {
  "thread-per-request": "#7a5195",
  threads: "#2f6fb0",
  loop: "#c4633c",
  tasks: "#3d8b57",
  actors: "#b08a1e",
};

export function modelsChart(results: Results): string {
  const { cpu, cores, node, date } = results.machine;
  const models = measuredModels(results);
  const lines = (metric: string): Line[] =>
    models.map((name) => ({
      name,
      color: COLORS[name] ?? "#23272f",
      points: CLIENTS.map((clients) => [clients, medianOf(results, "c10k", nameOf(name, clients), metric)]),
    }));
  const common = { xLabel: "clients, each with one request at a time", xTicks: CLIENTS };
  return lineChart(
    `Answers a second and 95th percentile of latency against the number of clients, for ${models.slice(0, -1).join(", ")} and ${models.at(-1)}`,
    `A handler that waits one second; 100 threads, or two loops. ${cpu}, ${cores} cores, Node ${node}, ${date.slice(0, 10)}.`,
    [
      {
        ...common,
        title: "Answers a second",
        yTicks: [1, 10, 100, 1000, 10_000].map((value) => [value, value.toLocaleString("en")]),
        lines: lines("requestsPerSecond"),
      },
      {
        ...common,
        title: "p95 of latency",
        yTicks: [
          [1000, "1 s"],
          [2000, "2 s"],
          [4000, "4 s"],
          [8000, "8 s"],
        ],
        lines: lines("p95Ms"),
      },
    ],
  );
}
