/**
 * Fills the measured tables of the README and the guide from bench/results/, between the marks
 * `<!-- measured: name -->` and `<!-- /measured -->`.
 */

import { CLIENTS, MODELS, nameOf } from "../scenarios/models/ceilings.ts";
import { type Judged, judgedOf, medianIfMeasured, medianOf, type Results } from "./results.ts";
import type { Row } from "./rows.ts";

/** A row that the results lack says so: a scenario is written before it is measured. */
export function targetTable(results: Results, rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const judged = judgedOf(results, row.scenario, row);
    if (judged === undefined) return `| ${row.what} | ${row.against ?? ""} | not measured yet | |`;
    const { target, measured } = judged;
    const unit = row.counts === true ? "" : " ×";
    const range = row.counts === true ? "" : ` (${number(measured.min)}–${number(measured.max)})`;
    return `| ${row.what} | ${row.against ?? ""} | ${number(measured.median)}${unit}${range} | ${aimOf(target)} |`;
  });
  return ["| | against | measured | aim |", "| --- | --- | --- | --- |", ...lines].join("\n");
}

function aimOf({ atLeast, moreThan, atMost }: Judged["target"]): string {
  if (atLeast !== undefined) return `at least ${atLeast}`;
  return moreThan === undefined ? `at most ${atMost!}` : `more than ${moreThan}`;
}

const requests = "requestsPerSecond";

/** The models that the results have for every number of clients. @throws Error if there is none */
export function measuredModels(results: Results): readonly string[] {
  const models = Object.keys(MODELS).filter((model) =>
    CLIENTS.every((clients) => medianIfMeasured(results, "c10k", nameOf(model, clients), requests) !== undefined),
  );
  if (models.length === 0) throw new Error("the results have no model in c10k");
  return models;
}

/** Throughput and p95 of each model against the number of clients. */
export function ceilingTable(results: Results): string {
  const models = measuredModels(results);
  const lines = CLIENTS.map((clients) => {
    const cells = models.map((model) => {
      const value = (metric: string): number => medianOf(results, "c10k", nameOf(model, clients), metric);
      const shed = Math.round(value("shedPerSecond"));
      const tail = shed === 0 ? "" : `, ${shed.toLocaleString("en")}/s turned away`;
      return `${Math.round(value(requests)).toLocaleString("en")}/s, ${(value("p95Ms") / 1000).toFixed(2)} s${tail}`;
    });
    return `| ${clients.toLocaleString("en")} | ${cells.join(" | ")} |`;
  });
  return [
    `| clients | ${models.map((model) => `\`${model}\``).join(" | ")} |`,
    `| ---: |${" --- |".repeat(models.length)}`,
    ...lines,
  ].join("\n");
}

/** The page with its marked places filled. @throws Error if a mark is missing */
export function filled(page: string, tables: Readonly<Record<string, string>>): string {
  return Object.entries(tables).reduce((text, [name, table]) => {
    const begin = `<!-- measured: ${name} -->`;
    const from = text.indexOf(begin);
    const to = text.indexOf("<!-- /measured -->", from);
    if (from === -1 || to === -1) throw new Error(`the page has no ${begin} … <!-- /measured -->`);
    return `${text.slice(0, from + begin.length)}\n\n${table}\n\n${text.slice(to)}`;
  }, page);
}

function number(value: number): string {
  return value >= 10 ? value.toFixed(0) : Number(value.toFixed(2)).toString();
}
