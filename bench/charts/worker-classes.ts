/** Draws p95 and throughput of the worker classes against concurrency, from `npm run bench:known`. */

import { existsSync, readFileSync } from "node:fs";
import { logAxis } from "../../src/tune/report/chart/comparison.ts";
import { type Line, linesChart } from "../../src/tune/report/chart/lines.ts";
import { svgPicture } from "../../src/tune/report/chart/picture.ts";
import { milliseconds, plain } from "../../src/tune/report/numbers.ts";
import type { KnownResults } from "../known/report.ts";

type Measured = Pick<KnownResults, "machine" | "curves">;

/** undefined: it was not measured yet. */
export function readKnown(): Measured | undefined {
  const file = new URL("../results/known.json", import.meta.url);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Measured) : undefined;
}

export function workerClassesChart({ machine, curves }: Measured): string {
  const lines = (what: "p95Ms" | "throughput"): Line[] =>
    curves.map(({ name, points }) => ({ name, points: points.map((each) => [each.concurrency, each[what]]) }));
  const all = curves.flatMap(({ points }) => points);
  const x = logAxis(
    all.map(({ concurrency }) => concurrency),
    "requests in flight",
    plain,
  );
  const times = logAxis(
    all.map(({ p95Ms }) => p95Ms),
    "p95 of latency",
    milliseconds,
  );
  const rates = logAxis(
    all.map(({ throughput }) => throughput),
    "answers per second",
    plain,
  );
  return svgPicture({
    label: `95th percentile of latency and answers a second against the number of requests in flight, for ${curves.map(({ name }) => name).join(", ")}`,
    caption: `A handler that waits 50 ms. ${machine.cpu}, ${machine.cores} cores shared with the load generator, Node ${machine.node}, ${machine.date.slice(0, 10)}.`,
    panels: [
      { title: "p95 of latency", draw: (size) => linesChart(lines("p95Ms"), x, times, size, true) },
      { title: "Throughput", draw: (size) => linesChart(lines("throughput"), x, rates, size, true) },
    ],
  });
}
