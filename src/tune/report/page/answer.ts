/** The top of the page: what to run, why, and the numbers that matter. */

import { routesText } from "../../shape.ts";
import type { Recommendation, SloCeiling, TuneResult } from "../../types.ts";
import { type Markup, markup, type Value } from "../chart/markup.ts";
import { inFlight, milliseconds, perSecond, timeSpan } from "../numbers.ts";
import { kneeSentence, LIMITED_BY, sentence, shapeFlags, shapeName, sloSentence } from "../words.ts";
import { prose } from "./parts.ts";

export function header({ scenario, startedAt, seconds }: TuneResult): Markup {
  return markup`<header><p class="product">heddle tune</p><h1>${scenario.target}</h1><p class="quiet">${dateOf(startedAt)}, measured in ${timeSpan(seconds)}</p></header>`;
}

export function answer(result: TuneResult): Markup {
  const { recommendation } = result;
  return markup`<section class="answer" aria-labelledby="answer-title">${
    recommendation === undefined ? elsewhere() : advice(recommendation)
  }<dl class="facts">${facts(result)}</dl><div class="meaning">${meaning(result)}</div></section>`;
}

function advice(recommendation: Recommendation): Markup {
  const routes = routesText(recommendation);
  const flags = shapeFlags(recommendation).split(/ (?=--)/);
  return markup`<div class="run"><p class="eyebrow" id="answer-title">Run it as</p><p class="shape">${shapeName(recommendation)}</p><p class="why">${prose(recommendation.why)}</p><p><code>${flags.map(
    (flag, index) => [index > 0 && " ", markup`<span class="flag">${flag}</span>`],
  )}</code></p>${routes !== undefined && markup`<p>and in heddle.config.ts: <code>${routes}</code></p>`}</div>`;
}

/** How that server runs is not known, so that nothing can be advised. */
function elsewhere(): Markup {
  return markup`<div class="run"><p class="eyebrow">Measured</p><p class="shape" id="answer-title">A server that runs elsewhere</p></div>`;
}

function facts({ knee, throughputMax, p95AtKneeMs, slo }: TuneResult): Markup[] {
  const [kneeValue, kneeMore] =
    "value" in knee
      ? [inFlight(knee.value), `requests in flight; 95 % interval ${inFlight(knee.low)} to ${inFlight(knee.high)}`]
      : "notReached" in knee
        ? [`> ${inFlight(knee.seenUpTo)}`, "requests in flight: not reached"]
        : ["inconclusive", "the measurements do not agree"];
  return [
    fact("Knee", kneeValue, kneeMore),
    throughputMax > 0
      ? fact("Throughput", perSecond(throughputMax), "notReached" in knee ? "the most that was seen" : "at most")
      : markup``,
    p95AtKneeMs === undefined ? markup`` : fact("p95 at the knee", milliseconds(p95AtKneeMs), "of latency"),
    slo === undefined ? markup`` : targetFact(slo),
  ];
}

const BEYOND: Readonly<Record<SloCeiling["boundary"], string>> = {
  cliff: "beyond it a cliff",
  slope: "beyond it p95 rises",
  unseen: "no more were tried",
};

function targetFact({ targetMs, concurrency, boundary }: NonNullable<TuneResult["slo"]>): Markup {
  const name = `Target: p95 ≤ ${milliseconds(targetMs)}`;
  if (concurrency === 0) return fact(name, "not met", "at any concurrency");
  return fact(
    name,
    `${boundary === "unseen" ? "≥ " : ""}${inFlight(concurrency)}`,
    `requests in flight; ${BEYOND[boundary]}`,
  );
}

function fact(name: string, value: string, more: string): Markup {
  return markup`<div><dt>${name}</dt><dd><span class="value${/\d/.test(value) ? "" : " words"}">${value}</span> <span class="more">${more}</span></dd></div>`;
}

function meaning({ knee, slo, shapes }: TuneResult): Value[] {
  const best = shapes[0];
  const limit = best === undefined ? undefined : `What limited the measurement: ${LIMITED_BY[best.limitedBy]}.`;
  const words = [
    kneeSentence(knee, best?.limitedBy),
    slo === undefined ? undefined : sloSentence(slo, milliseconds(slo.targetMs)),
    limit,
  ];
  const paragraphs = words.filter((each) => each !== undefined).map((each) => markup`<p>${sentence(each)}</p>`);
  return "value" in knee
    ? paragraphs
    : [
        markup`<p class="callout"><strong>${"notReached" in knee ? "Not reached" : "Inconclusive"}</strong> ${sentence(kneeSentence(knee, best?.limitedBy))}</p>`,
        ...paragraphs.slice(1),
      ];
}

/** `2026-11-30 09:12 UTC`; what is no date is shown as it is. */
function dateOf(startedAt: string): string {
  const date = new Date(startedAt);
  return Number.isNaN(date.getTime()) ? startedAt : `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
