/** The answer of `heddle tune` for people, as plain text. Texts of the app and of the machine are made printable first. */

import { count } from "../../errors/count.ts";
import { routesText, threadsOf } from "../shape.ts";
import type { Recommendation, RouteProfile, Sample, ShapeResult, TuneResult } from "../types.ts";
import { milliseconds, perSecond, percent, plain, timeSpan } from "./numbers.ts";
import { toAscii, withPrintableTexts, wrap } from "./terminal/text.ts";
import {
  kneeInShort,
  kneeSentence,
  LEFT_OUT,
  leftOutCounts,
  LIMITED_BY,
  shapeFlags,
  shapeName,
  sloSentence,
} from "./words.ts";

export interface SummaryOptions {
  /** Default: 100, and no more. Sentences are broken, tables are not. */
  readonly columns?: number;
  /** Default: true. false: ASCII only. */
  readonly unicode?: boolean;
}

/** Longer lines are harder to read. */
const MOST_COLUMNS = 100;

export function summary(of: TuneResult, options: SummaryOptions = {}): string {
  const { unicode = true } = options;
  const columns = Math.min(options.columns ?? MOST_COLUMNS, MOST_COLUMNS);
  const result = withPrintableTexts(of);
  const { recommendation } = result;
  const text = [
    ...answer(result, columns),
    ...section("Routes, one client at a time", routeRows(result.perRoute)),
    ...section("Measured shapes", result.shapes.length > 1 ? shapeRows(result.shapes) : []),
    ...section("Threads, by the classic rules", recommendation === undefined ? [] : classicRows(recommendation)),
    ...section(
      "Samples that were left out",
      leftOutCounts(result.levels).map(([reason, samples]) => [String(samples), LEFT_OUT[reason]]),
    ),
    ...(result.notes.length === 0 ? [] : ["", "Notes", ...result.notes.flatMap((note) => bullet(note, columns))]),
  ].join("\n");
  return unicode ? text : toAscii(text);
}

function answer(result: TuneResult, columns: number): string[] {
  const { recommendation, knee, throughputMax, p95AtKneeMs, slo, scenario, seconds } = result;
  const best = result.shapes[0];
  const facts: [string, string | undefined][] = [
    ["knee", kneeInShort(knee)],
    [
      "throughput",
      throughputMax > 0 ? `at most ${perSecond(throughputMax)}${"notReached" in knee ? " so far" : ""}` : undefined,
    ],
    ["p95 at the knee", p95AtKneeMs === undefined ? undefined : milliseconds(p95AtKneeMs)],
    ["target", slo === undefined ? undefined : sloSentence(slo, milliseconds(slo.targetMs))],
    ["limited by", best === undefined ? undefined : LIMITED_BY[best.limitedBy]],
    [
      "open loop",
      best === undefined || best.openLoop.length === 0 ? undefined : openLoop(best.openLoop, throughputMax),
    ],
  ];
  return [
    `${scenario.target}, measured in ${timeSpan(seconds)} with ${count(result.levels.length, "level")}`,
    "",
    ...(recommendation === undefined ? [] : advice(recommendation, columns)),
    ...facts.flatMap(([name, fact]) => (fact === undefined ? [] : hanging(name, fact, columns))),
    "",
    ...indent(wrap(kneeSentence(knee, best?.limitedBy), columns - 2)),
  ];
}

function advice(recommendation: Recommendation, columns: number): string[] {
  const routes = routesText(recommendation);
  return [
    `  Run it as ${shapeName(recommendation)}`,
    `  ${shapeFlags(recommendation)}`,
    ...(routes === undefined ? [] : [`  and in heddle.config.ts: ${routes}`]),
    "",
    ...indent(wrap(recommendation.why, columns - 2)),
    "",
  ];
}

/** Columns of the names of facts. */
const NAME = 18;

function hanging(name: string, fact: string, columns: number): string[] {
  return wrap(fact, columns - NAME - 2).map((line, index) => `  ${(index === 0 ? name : "").padEnd(NAME)}${line}`);
}

function openLoop(samples: readonly Sample[], throughputMax: number): string {
  return samples
    .map(({ askedRate, throughput, latency, leftOut }) => {
      const share = percent((askedRate ?? throughput) / throughputMax);
      return leftOut === undefined ? `p95 ${milliseconds(latency.p95Ms)} at ${share}` : `${share} left out`;
    })
    .join(", ");
}

function routeRows(routes: readonly RouteProfile[]): string[][] {
  if (routes.length === 0) return [];
  return [
    ["route", "CPU", "waiting", "longest block"],
    ...routes.map(({ route, cpuMs, waitMs, longestBlockMs }) => [
      route,
      milliseconds(cpuMs),
      milliseconds(waitMs),
      longestBlockMs === 0 ? "none" : milliseconds(longestBlockMs),
    ]),
  ];
}

function shapeRows(shapes: readonly ShapeResult[]): string[][] {
  return [
    ["shape", "knee", "throughput", "p95 at the knee"],
    ...shapes.map(({ shape, knee, throughputMax, p95AtKneeMs }) => [
      shapeName(shape),
      kneeInShort(knee),
      perSecond(throughputMax),
      p95AtKneeMs === undefined ? "" : milliseconds(p95AtKneeMs),
    ]),
  ];
}

function classicRows(recommendation: Recommendation): string[][] {
  const { classic } = recommendation;
  return [
    [plain(classic.cores), "one thread per core"],
    [plain(classic.twiceCores), "2 × cores"],
    [plain(classic.waitToCompute), "cores × (1 + waiting / CPU)"],
    [plain(classic.gunicorn), "Gunicorn: 2 × cores + 1"],
    [plain(classic.puma), "Puma's default"],
    [plain(threadsOf(recommendation)), "measured here"],
  ];
}

function section(title: string, rows: readonly (readonly string[])[]): string[] {
  return rows.length === 0 ? [] : ["", title, ...indent(columnsOf(rows))];
}

function bullet(text: string, columns: number): string[] {
  return wrap(text, columns - 4).map((line, index) => `  ${index === 0 ? "-" : " "} ${line}`);
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => (line === "" ? "" : `  ${line}`));
}

function columnsOf(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
}
