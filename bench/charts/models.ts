/**
 * `npm run charts`: draws docs/guide/images/models.svg from bench/results/models.json. With `--check` it writes nothing and
 * exits 1 when the picture is not that of the results.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { type Line, lineChart } from "./line-chart.ts";

interface Results {
  readonly machine: { readonly cpu: string; readonly cores: number; readonly node: string; readonly date: string };
  readonly scenarios: readonly {
    readonly name: string;
    readonly contenders: readonly {
      readonly name: string;
      readonly rounds: readonly { readonly metrics?: Readonly<Record<string, number>> }[];
    }[];
  }[];
}

const COLORS: Readonly<Record<string, string>> = {
  "thread-per-request": "#7a5195",
  threads: "#2f6fb0",
  loop: "#c4633c",
};
const CLIENTS = [1, 10, 100, 1000, 10_000];

const source = new URL("../results/models.json", import.meta.url);
const target = new URL("../../docs/guide/images/models.svg", import.meta.url);

const svg = draw(JSON.parse(readFileSync(source, "utf8")) as Results);
if (!process.argv.includes("--check")) {
  writeFileSync(target, svg);
} else if (readFileSync(target, "utf8") !== svg) {
  console.error("docs/guide/images/models.svg is not what bench/results/models.json says; run `npm run charts`");
  process.exitCode = 1;
}

function draw(results: Results): string {
  const { cpu, cores, node, date } = results.machine;
  const lines = (metric: string): Line[] =>
    Object.entries(COLORS).map(([name, color]) => ({
      name,
      color,
      points: CLIENTS.map((clients) => [clients, median(results, `${name}, ${clients.toLocaleString("en")}`, metric)]),
    }));
  const common = { xLabel: "clients, each with one request at a time", xTicks: CLIENTS };
  return lineChart(
    "Answers a second and 95th percentile of latency against the number of clients, for thread-per-request, threads and loop",
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

function median(results: Results, contender: string, metric: string): number {
  const scenario = results.scenarios.find(({ name }) => name === "c10k");
  const rounds = scenario?.contenders.find(({ name }) => name === contender)?.rounds ?? [];
  const values = rounds.flatMap(({ metrics }) => (metrics?.[metric] === undefined ? [] : [metrics[metric]]));
  if (values.length === 0) throw new Error(`bench/results/models.json has no ${metric} of "${contender}"`);
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}
