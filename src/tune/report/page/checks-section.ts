/** Why the numbers may be believed: the open loop, the generator's own limit, what was left out. */

import type { LeftOut, Sample, TuneResult } from "../../types.ts";
import { type Markup, markup } from "../chart/markup.ts";
import { openLoopChart } from "../chart/open-loop.ts";
import { count } from "../../../errors/count.ts";
import { milliseconds, perSecond, percent, plain } from "../numbers.ts";
import { LEFT_OUT, leftOutCounts } from "../words.ts";
import { bar, figure, legend, section, table } from "./parts.ts";

export function openLoopSection({ shapes, throughputMax, slo }: TuneResult): Markup {
  const samples = shapes[0]?.openLoop ?? [];
  if (samples.length === 0) return markup``;
  return section(
    "open-loop",
    "The same at a constant rate of arrivals",
    markup`<p>Clients on the internet do not wait for each other. Here requests arrive at a constant rate, and latency counts from the time at which each was to be sent.</p>`,
    markup`<div class="pair">${figure({
      id: "arrivals",
      title: "Latency at a constant rate",
      description: "For each rate of arrivals the latencies from p50 to p99. The numbers are in the table.",
      draw: (size) => openLoopChart(samples, throughputMax, slo?.targetMs, size),
      legend: legend([
        { text: "p95, on a bar from p50 to p99", className: "c2", swatch: "line" },
        ...(samples.some(({ leftOut }) => leftOut !== undefined)
          ? [{ text: "left out", className: "left-out", swatch: "circle" as const }]
          : []),
        ...(slo === undefined ? [] : [{ text: "target", className: "target", swatch: "rule" as const }]),
      ]),
    })}${openLoopTable(samples)}</div>`,
  );
}

function openLoopTable(samples: readonly Sample[]): Markup {
  const isAnyLeftOut = samples.some(({ leftOut }) => leftOut !== undefined);
  return table(
    "Constant rates of arrivals",
    [
      ...["asked", "answered", "p50", "p95", "p99", "longest", "errors"].map((head) => ({
        head,
        kind: "number" as const,
      })),
      ...(isAnyLeftOut ? [{ head: "left out", kind: "sentence" as const }] : []),
    ],
    samples.map(({ askedRate, throughput, latency, errors, leftOut }) => [
      askedRate === undefined ? "–" : perSecond(askedRate),
      perSecond(throughput),
      milliseconds(latency.p50Ms),
      milliseconds(latency.p95Ms),
      milliseconds(latency.p99Ms),
      milliseconds(latency.maxMs),
      plain(errors),
      ...(isAnyLeftOut ? [leftOut === undefined ? "no" : LEFT_OUT[leftOut]] : []),
    ]),
  );
}

export function trustSection({ audit, shapes, levels }: TuneResult): Markup {
  const most = Math.max(0, ...shapes.map(({ throughputMax }) => throughputMax || 0));
  const share = audit.ceiling > 0 ? Math.min(1, most / audit.ceiling) : 1;
  const busiest = Math.max(0, ...levels.flatMap(({ samples }) => samples.map((each) => each.generatorUtilization)));
  const reasons = leftOutCounts(levels);
  const all = levels.reduce((sum, { samples }) => sum + samples.length, 0);
  const out = reasons.reduce((sum, [, samples]) => sum + samples, 0);
  return section(
    "trust",
    "What these numbers rest on",
    markup`<h3>The load generator</h3><p>Against a server that does nothing it reached ${perSecond(audit.ceiling)}. The most that was asked of it here is ${perSecond(most)}, ${percent(share)} of that, and its loop was busy for at most ${percent(busiest)} of a sample. ${
      audit.coLocated
        ? "It shared its core with the server, so that both were slower than alone."
        : "It had a core that the server could not use."
    }</p>`,
    markup`<div class="bullet">${bar([{ share, className: "c1" }])}<p class="quiet">0<span>${perSecond(audit.ceiling)}: the generator's ceiling</span></p></div>`,
    markup`<h3>Samples that were left out</h3>`,
    out === 0
      ? markup`<p>None: all of ${count(all, "sample")} count.</p>`
      : markup`<p>${count(out, "sample")} of ${String(all)} were left out of every estimate. They are in the charts as hollow marks.</p>${table(
          "Left out, by reason",
          [{ head: "reason" }, { head: "samples", kind: "number" }, { head: "at, in flight" }],
          reasons.map(([reason, samples]) => [LEFT_OUT[reason], String(samples), levelsWith(reason, levels)]),
        )}`,
  );
}

function levelsWith(reason: LeftOut, levels: TuneResult["levels"]): string {
  return levels
    .filter(({ samples }) => samples.some(({ leftOut }) => leftOut === reason))
    .map(({ concurrency }) => plain(concurrency))
    .join(", ");
}
