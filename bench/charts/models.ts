/** Draws throughput and latency of the models against concurrency, from the scenario `c10k` of `npm run bench:models`. */

import { logAxis } from "../../src/tune/report/chart/comparison.ts";
import type { Axis } from "../../src/tune/report/chart/frame.ts";
import { type Line, linesChart } from "../../src/tune/report/chart/lines.ts";
import { svgPicture } from "../../src/tune/report/chart/picture.ts";
import { milliseconds, plain } from "../../src/tune/report/numbers.ts";
import { CLIENTS, nameOf } from "../scenarios/models/ceilings.ts";
import { medianOf, type Results } from "./results.ts";
import { measuredModels } from "./tables.ts";

export function modelsChart(results: Results): string {
  const { cpu, cores, node, date } = results.machine;
  const models = measuredModels(results);
  const lines = (metric: string): Line[] =>
    models.map((name) => ({
      name,
      points: CLIENTS.map((clients) => [clients, medianOf(results, "c10k", nameOf(name, clients), metric)]),
    }));
  const rates = lines("requestsPerSecond");
  const times = lines("p95Ms");
  const clients = logAxis(CLIENTS, "clients, each with one request at a time", plain);
  const axisOf = (of: readonly Line[], label: string, told: (value: number) => string): Axis =>
    logAxis(
      of.flatMap(({ points }) => points.map(([, y]) => y)),
      label,
      told,
    );
  return svgPicture({
    label: `Answers a second and 95th percentile of latency against the number of clients, for ${models.slice(0, -1).join(", ")} and ${models.at(-1)}`,
    caption: `A handler that waits one second; 100 threads, or two loops. ${cpu}, ${cores} cores, Node ${node}, ${date.slice(0, 10)}.`,
    panels: [
      {
        title: "Throughput",
        draw: (size) => linesChart(rates, clients, axisOf(rates, "answers per second", plain), size, true),
      },
      {
        title: "p95 of latency",
        draw: (size) => linesChart(times, clients, axisOf(times, "latency", milliseconds), size, true),
      },
    ],
  });
}
