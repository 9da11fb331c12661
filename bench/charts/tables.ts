/**
 * Fills the measured tables of the README and the guide from bench/results/, between the marks
 * `<!-- measured: name -->` and `<!-- /measured -->`.
 */

import { CLIENTS, MODELS, nameOf } from "../scenarios/models/ceilings.ts";
import { type Judged, judgedOf, medianOf, type Results } from "./results.ts";

export interface Row {
  readonly what: string;
  readonly scenario: string;
  readonly metric: string;
  readonly contender: string;
  readonly against?: string;
  /** A count is shown as it is, everything else as a ratio. */
  readonly counts?: boolean;
}

const requests = "requestsPerSecond";

/** `npm run bench:serve`. */
export const SERVE_ROWS: readonly Row[] = [
  ...["Watt × 2", "PM2 × 2", "bare, reusePort × 2"].map((against) => ({
    what: "hello world, 64 keep-alive connections",
    scenario: "hello-keepalive",
    metric: requests,
    contender: "heddle, 2 threads",
    against,
  })),
  {
    what: "the same as a `fetch` handler",
    scenario: "hello-fetch",
    metric: requests,
    contender: "heddle fetch, 2 threads",
    against: "bare, reusePort × 2",
  },
  ...["PM2 × 2", "bare, reusePort × 2"].map((against) => ({
    what: "a new connection for each request",
    scenario: "new-connections",
    metric: requests,
    contender: "heddle, 2 threads",
    against,
  })),
  {
    what: "10,000 clients, a handler that waits 1 s: share of the ideal",
    scenario: "waiting-10k",
    metric: "ofIdeal",
    contender: "heddle, 2 threads",
  },
  ...["Watt × 2", "PM2 × 2"].flatMap((against) =>
    [
      ["idleRssMiB", "resident memory, idle"],
      ["rssMiB", "resident memory, after load"],
    ].map(([metric = "", what = ""]) => ({
      what,
      scenario: "memory",
      metric,
      contender: "heddle, 2 threads",
      against,
    })),
  ),
  {
    what: "failed requests in ten reloads under mixed load",
    scenario: "reloads",
    metric: "failed",
    contender: "heddle, 2 threads",
    counts: true,
  },
  {
    what: "requests lost beyond those in flight, `kill -9` of a worker once a second",
    scenario: "kills",
    metric: "beyondInFlight",
    contender: "heddle, 2 workers",
    counts: true,
  },
];

/** `npm run bench:models`. */
export const MODELS_ROWS: readonly Row[] = [
  ...["(req, res)", "fetch"].map((shape) => ({
    what: `hello world through \`threads\`, \`${shape}\``,
    scenario: "hello-threads",
    metric: requests,
    contender: `${shape}, threads × 2`,
    against: `${shape}, loop × 2`,
  })),
  ...["express", "fastify"].map((shape) => ({
    what: `hello world through \`threads\`, ${shape}`,
    scenario: "frameworks-threads",
    metric: requests,
    contender: `${shape}, threads × 2`,
    against: `${shape}, loop × 2`,
  })),
  {
    what: "a handler that blocks 20 ms, 2 × 16 threads: share of the ideal",
    scenario: "blocking",
    metric: "ofIdeal",
    contender: "heddle threads, 2 × 16",
  },
  ...["Puma, 2 × 16", "gthread, 2 × 16"].map((against) => ({
    what: "the same: p99",
    scenario: "blocking",
    metric: "p99Ms",
    contender: "heddle threads, 2 × 16",
    against,
  })),
  {
    what: "a handler that computes 10 ms, 2 threads",
    scenario: "computing",
    metric: requests,
    contender: "heddle threads × 2",
    against: "heddle threads × 1",
  },
  {
    what: "the same, Gunicorn's threads",
    scenario: "computing",
    metric: requests,
    contender: "gthread × 2",
    against: "gthread × 1",
  },
  ...["p95Ms", "p99Ms"].flatMap((metric) =>
    ["node:cluster × 2", "heddle, idle"].map((against) => ({
      what: `light requests beside heavy ones on \`threads\`: ${metric.slice(0, 3)}`,
      scenario: "neighbours",
      metric,
      contender: "heddle, /cpu on threads",
      against,
    })),
  ),
  ...[2, 4].map((workers) => ({
    what: `a handler that blocks 20 ms, \`sync\` × ${workers}`,
    scenario: "sync",
    metric: "ofIdeal",
    contender: `heddle sync × ${workers}`,
    against: `Gunicorn sync × ${workers}`,
  })),
  {
    what: "an endless loop in 1 of 1,000 requests: p99 of the others",
    scenario: "runaways",
    metric: "p99Ms",
    contender: "1 in 1,000 never ends",
    against: "without",
  },
];

export function targetTable(results: Results, rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const { target, measured } = judgedOf(results, row.scenario, row);
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

/** Throughput and p95 of each model against the number of clients. */
export function ceilingTable(results: Results): string {
  const models = Object.keys(MODELS);
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
    "| ---: | --- | --- | --- |",
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
