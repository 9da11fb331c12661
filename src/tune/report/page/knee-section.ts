/** Throughput and p95 of the recommended shape against concurrency, and how latency is spread at each level. */

import type { LeftOut, ShapeResult, TuneResult, UslFit } from "../../types.ts";
import { latencyChart, LEFT_OUT_SHAPES, throughputChart } from "../chart/knee.ts";
import { type Markup, markup } from "../chart/markup.ts";
import { spreadChart } from "../chart/spread.ts";
import { type LevelSummary, summariseLevels } from "../levels.ts";
import { inFlight, milliseconds, perSecond, percent, plain } from "../numbers.ts";
import { kneeInShort, LEFT_OUT, leftOutCounts, shapeName } from "../words.ts";
import { details, figure, legend, type LegendEntry, section, table } from "./parts.ts";

export function kneeSection(result: TuneResult): Markup {
  const [best] = result.shapes;
  if (best === undefined) return markup``;
  if (best.levels.length === 0) return section("knee", "Where the knee is", markup`<p>No level was measured.</p>`);
  const { slo } = result;
  const reasons = leftOutCounts(best.levels).map(([reason]) => reason);
  return section(
    "knee",
    "Where the knee is",
    markup`<div class="pair">${figure({
      id: "throughput",
      title: `Throughput of ${shapeName(best.shape)}`,
      description: `Answers per second against requests in flight. Knee: ${kneeInShort(best.knee)}. At most ${perSecond(best.throughputMax)}. The numbers are in the table below.`,
      draw: (size) => throughputChart(best, size),
      legend: legend(throughputLegend(best, reasons)),
    })}${figure({
      id: "p95",
      title: "95 % of the answers came within",
      description: `p95 of latency against requests in flight${best.p95AtKneeMs === undefined ? "" : `, ${milliseconds(best.p95AtKneeMs)} at the knee`}. The numbers are in the table below.`,
      draw: (size) => latencyChart(best, size, slo?.targetMs),
      legend: legend(latencyLegend(result, reasons)),
    })}</div>`,
    best.usl !== undefined && uslWords(best.usl),
    details("The numbers of both charts", levelTable(summariseLevels(best.levels))),
  );
}

export function spreadSection(result: TuneResult): Markup {
  const [best] = result.shapes;
  if (best === undefined) return markup``;
  const levels = summariseLevels(best.levels).filter(({ counted }) => counted.length > 0);
  if (levels.length === 0) return markup``;
  return section(
    "spread",
    "How latency is spread",
    markup`<div class="pair">${figure({
      id: "distribution",
      title: "Latency at each level",
      description:
        "A column for each level. The stronger the colour of a cell, the more answers were that slow. The numbers are in the table.",
      draw: (size) => spreadChart(best, size),
      legend: legend([
        { text: "the stronger the colour, the more answers", className: "heat-key", swatch: "square" },
        { text: "half within", className: "p50-key", swatch: "rule" },
        { text: "95 % within", className: "p95-key", swatch: "rule" },
        { text: "99 % within", className: "p99-key", swatch: "rule" },
      ]),
    })}${spreadTable(levels)}</div>`,
  );
}

function throughputLegend({ knee, usl, kneedle }: ShapeResult, reasons: readonly LeftOut[]): LegendEntry[] {
  const entries: (LegendEntry | false)[] = [
    { text: "mean with its 95 % interval, and the samples", className: "c1", swatch: "line" },
    "value" in knee && { text: "knee, with its 95 % interval", className: "knee", swatch: "band" },
    "value" in knee && { text: "fitted hinge, bent at the knee", className: "fit", swatch: "dashes" },
    usl !== undefined && { text: "Universal Scalability Law", className: "fit", swatch: "dots" },
    kneedle !== undefined && { text: "Kneedle, for comparison", className: "kneedle-key", swatch: "triangle" },
    ...leftOutLegend(reasons),
  ];
  return entries.filter((entry) => entry !== false);
}

function latencyLegend({ knee, slo }: TuneResult, reasons: readonly LeftOut[]): LegendEntry[] {
  const entries: (LegendEntry | false)[] = [
    { text: "p95 with its 95 % interval, and the samples", className: "c2", swatch: "line" },
    "value" in knee && { text: "knee, with its 95 % interval", className: "knee", swatch: "band" },
    slo !== undefined && { text: "target", className: "target", swatch: "rule" },
    slo !== undefined &&
      slo.concurrency > 0 && { text: "up to here the target holds", className: "ceiling-key", swatch: "diamond" },
    ...leftOutLegend(reasons),
  ];
  return entries.filter((entry) => entry !== false);
}

function leftOutLegend(reasons: readonly LeftOut[]): LegendEntry[] {
  return reasons.map((reason) => ({
    text: `left out: ${LEFT_OUT[reason]}`,
    className: "left-out",
    swatch: LEFT_OUT_SHAPES[reason],
  }));
}

function uslWords({ alpha, beta, peakConcurrency, peakThroughput, roof }: UslFit): Markup {
  const peak =
    peakConcurrency === undefined || peakThroughput === undefined
      ? "By this fit throughput never falls with more load."
      : `By this fit throughput is highest at ${inFlight(peakConcurrency)} in flight (${perSecond(peakThroughput)}) and falls beyond.`;
  return markup`<p class="quiet">Universal Scalability Law: contention α = ${plain(alpha)}, crosstalk β = ${exponent(beta)}${roof === undefined ? "" : `, roof γ/α = ${perSecond(roof)}`}. ${peak}</p>`;
}

function exponent(value: number): string {
  return value !== 0 && value < 0.001 ? value.toExponential(2) : plain(value);
}

function levelTable(levels: readonly LevelSummary[]): Markup {
  return table(
    "Each level, over the samples that count",
    [
      "in flight",
      "answers/s",
      "95 % interval",
      "p95",
      "95 % interval",
      "CPU in use",
      "generator busy",
      "errors",
      "samples",
    ].map((head) => ({
      head,
      kind: "number" as const,
    })),
    levels.map(({ concurrency, throughput, p95Ms, counted, leftOut }) => [
      plain(concurrency),
      throughput === undefined ? "–" : plain(throughput.value),
      throughput === undefined ? "–" : `${plain(throughput.low)} to ${plain(throughput.high)}`,
      p95Ms === undefined ? "–" : milliseconds(p95Ms.value),
      p95Ms === undefined ? "–" : `${milliseconds(p95Ms.low)} to ${milliseconds(p95Ms.high)}`,
      coresInUse(counted),
      counted.length === 0 ? "–" : percent(Math.max(...counted.map((each) => each.generatorUtilization))),
      plain([...counted, ...leftOut].reduce((sum, { errors }) => sum + errors, 0)),
      leftOut.length === 0 ? String(counted.length) : `${counted.length} of ${counted.length + leftOut.length}`,
    ]),
  );
}

function coresInUse(counted: LevelSummary["counted"]): string {
  const measured = counted.filter(({ serverCpuSeconds }) => serverCpuSeconds !== undefined);
  if (measured.length === 0) return "–";
  const seconds = measured.reduce((sum, each) => sum + each.seconds, 0);
  const cpu = measured.reduce((sum, each) => sum + each.serverCpuSeconds!, 0);
  return `${plain(cpu / seconds)} cores`;
}

function spreadTable(levels: readonly LevelSummary[]): Markup {
  const mean = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0) / values.length;
  return table(
    "Latency at each level, means over the samples that count",
    ["in flight", "mean", "p50", "p95", "p99", "longest"].map((head) => ({ head, kind: "number" as const })),
    levels.map(({ concurrency, counted }) => {
      const all = counted.map(({ latency }) => latency);
      return [
        plain(concurrency),
        milliseconds(mean(all.map(({ meanMs }) => meanMs))),
        milliseconds(mean(all.map(({ p50Ms }) => p50Ms))),
        milliseconds(mean(all.map(({ p95Ms }) => p95Ms))),
        milliseconds(mean(all.map(({ p99Ms }) => p99Ms))),
        milliseconds(Math.max(...all.map(({ maxMs }) => maxMs))),
      ];
    }),
  );
}
