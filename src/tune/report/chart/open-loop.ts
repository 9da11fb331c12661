/** Latency at a constant rate of arrivals: for each rate a bar from p50 to p99, with p95 as a mark. */

import type { Sample } from "../../types.ts";
import { milliseconds, perSecond, percent } from "../numbers.ts";
import { frame, type Size } from "./frame.ts";
import { target } from "./layers.ts";
import { type Markup, markup } from "./markup.ts";
import { logEnds } from "./scale.ts";
import { shape } from "./shapes.ts";

export function openLoopChart(
  samples: readonly Sample[],
  throughputMax: number,
  targetMs: number | undefined,
  size: Size,
): Markup {
  const times = [
    ...samples.flatMap(({ latency }) => [latency.p50Ms, latency.p99Ms]),
    ...(targetMs === undefined ? [] : [targetMs * 0.8, targetMs * 1.25]),
  ].filter((each) => each > 0);
  const [low, high] = logEnds(Math.min(...times), Math.max(...times));
  const framed = frame(
    size,
    { kind: "linear", low: 0, high: 1, label: `arrivals, as a share of ${perSecond(throughputMax)}`, told: () => "" },
    { kind: "log", low, high, label: "latency from the intended send time", told: milliseconds },
    { top: 10 },
  );
  const step = (framed.right - framed.left) / samples.length;
  const at = samples.map((sample, index) => ({ sample, x: framed.left + (index + 0.5) * step }));
  const curve = at.map(({ sample, x }): [number, number] => [x, framed.y.at(sample.latency.p95Ms)]);
  return markup`${framed.axes}${[
    targetMs !== undefined && target(framed, targetMs, `target ${milliseconds(targetMs)}`, "target", curve),
    ...at.map(({ sample, x }) => {
      const { p50Ms, p95Ms, p99Ms } = sample.latency;
      const [top, bottom] = [framed.y.at(p99Ms), framed.y.at(p50Ms)];
      const rate = sample.askedRate ?? sample.throughput;
      const tip = `${perSecond(rate)} asked, ${perSecond(sample.throughput)} answered · p50 ${milliseconds(p50Ms)} · p95 ${milliseconds(p95Ms)} · p99 ${milliseconds(p99Ms)}`;
      return markup`<g class="${sample.leftOut === undefined ? "c2" : "left-out"}"><rect class="span" x="${x - 9}" y="${top}" width="18" height="${Math.max(2, bottom - top)}" rx="3"/><path class="line" d="M${x - 9} ${bottom}h18"/>${shape("circle", x, framed.y.at(p95Ms), 4, "dot")}<text class="tick" x="${x}" y="${framed.bottom + 18}" text-anchor="middle">${percent(rate / throughputMax)}</text><rect class="strip" x="${x - step / 2}" y="${framed.top}" width="${step}" height="${framed.bottom - framed.top}"><title>${tip}</title></rect></g>`;
    }),
  ]}`;
}
