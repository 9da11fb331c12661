/** The two charts of one shape: throughput and p95 against concurrency, with the knee, the fits, the target and what was left out. */

import type { LeftOut, Sample, ShapeResult, UslFit } from "../../types.ts";
import { type LevelSummary, summariseLevels } from "../levels.ts";
import { inFlight, milliseconds, perSecond, plain } from "../numbers.ts";
import { LEFT_OUT } from "../words.ts";
import { type Axis, type Frame, frame, type Size } from "./frame.ts";
import { fitted, kneeBand, placesOf, type Point, samples, series, strips, target } from "./layers.ts";
import { type Markup, markup } from "./markup.ts";
import { linearTicks, logEnds } from "./scale.ts";
import { shape, type ShapeName } from "./shapes.ts";

/** The form of a sample that was left out tells why. */
export const LEFT_OUT_SHAPES: Readonly<Record<LeftOut, ShapeName>> = {
  generator: "square",
  steal: "cross",
  rate: "down",
  "littles-law": "diamond",
  errors: "plus",
};

export function throughputChart(result: ShapeResult, size: Size): Markup {
  const levels = summariseLevels(result.levels);
  const points = pointsOf(levels, "throughput");
  const all = rangeOf(levels, ({ throughput }) => throughput);
  // Of the intervals only what is near: that of two samples may be six times as high as they are.
  const drawnRates = [
    ...all,
    ...points.map(({ y }) => Math.min(y.high, y.value * MOST_OF_INTERVAL)),
    result.throughputMax,
  ];
  const ticks = linearTicks(Math.max(...drawnRates.filter(Number.isFinite)) * 1.06, 5);
  const rates: Axis = { kind: "linear", low: 0, high: ticks.at(-1)!, label: "answers per second", told: plain };
  const framed = frame(size, concurrencyAxis(levels), rates);
  const { knee, throughputMax, usl, kneedle } = result;
  const curve = placesOf(framed, points);
  return markup`${framed.axes}${[
    "value" in knee && kneeBand(framed, knee, `knee ${inFlight(knee.value)}`),
    isRoofKnown(result) && target(framed, throughputMax, `at most ${perSecond(throughputMax)}`, "roof", curve),
    "value" in knee && fitted(framed, (n) => throughputMax * Math.min(1, n / knee.value), "hinge"),
    usl !== undefined && fitted(framed, (n) => uslAt(usl, n), "usl"),
    leftOutMarks(framed, levels, ({ throughput }) => throughput),
    samples(
      framed,
      countedPlaces(levels, ({ throughput }) => throughput),
      "c1",
    ),
    series(framed, points, "c1"),
    kneedle !== undefined && isWithin(framed, kneedle) && kneedleMark(framed, kneedle),
    strips(framed, levels.map(tipOf)),
  ]}`;
}

export function latencyChart(result: ShapeResult, size: Size, targetMs: number | undefined): Markup {
  const levels = summariseLevels(result.levels);
  const points = pointsOf(levels, "p95Ms");
  const times = [
    ...rangeOf(levels, ({ latency }) => latency.p95Ms),
    ...points.map(({ y }) => Math.min(y.high, y.value * MOST_OF_INTERVAL)),
    ...(targetMs === undefined ? [] : [targetMs * 0.8, targetMs * 1.25]),
  ].filter((each) => each > 0);
  const [low, high] = logEnds(Math.min(...times), Math.max(...times));
  const framed = frame(size, concurrencyAxis(levels), {
    kind: "log",
    low,
    high,
    label: "p95 of latency",
    told: milliseconds,
  });
  const { knee, slo } = result;
  const curve = placesOf(framed, points);
  return markup`${framed.axes}${[
    "value" in knee && kneeBand(framed, knee, `knee ${inFlight(knee.value)}`),
    targetMs !== undefined && target(framed, targetMs, `target ${milliseconds(targetMs)}`, "target", curve),
    leftOutMarks(framed, levels, ({ latency }) => latency.p95Ms),
    samples(
      framed,
      countedPlaces(levels, ({ latency }) => latency.p95Ms),
      "c2",
    ),
    series(framed, points, "c2"),
    targetMs !== undefined &&
      slo !== undefined &&
      isWithin(framed, slo.concurrency) &&
      shape("diamond", framed.x.at(slo.concurrency), framed.y.at(targetMs), 5, `ceiling ${slo.boundary}`),
    strips(framed, levels.map(tipOf)),
  ]}`;
}

/** An interval that is higher than this many times its value leaves the plot. */
const MOST_OF_INTERVAL = 1.3;

function rangeOf(levels: readonly LevelSummary[], value: (sample: Sample) => number): number[] {
  return levels.flatMap(({ counted, leftOut }) => [...counted, ...leftOut].map(value));
}

function countedPlaces(levels: readonly LevelSummary[], value: (sample: Sample) => number): [x: number, y: number][] {
  return levels.flatMap(({ concurrency, counted }) =>
    counted.map((sample): [number, number] => [concurrency, value(sample)]),
  );
}

/** From the first to the last level, with a little room, so that no mark lies on an axis. */
export function concurrencyAxis(levels: readonly { readonly concurrency: number }[]): Axis {
  const all = levels.map(({ concurrency }) => concurrency);
  const [first, last] = [Math.min(...all), Math.max(...all)];
  const room = Math.max(1.12, (last / first) ** 0.03);
  return { kind: "log", low: first / room, high: last * room, label: "requests in flight", told: plain, isWhole: true };
}

export function pointsOf(levels: readonly LevelSummary[], what: "throughput" | "p95Ms"): Point[] {
  return levels.flatMap((level) => {
    const y = level[what];
    return y === undefined ? [] : [{ x: level.concurrency, y }];
  });
}

export function uslAt({ alpha, beta, gamma }: UslFit, n: number): number {
  return (gamma * n) / (1 + alpha * (n - 1) + beta * n * (n - 1));
}

/** Side by side at their level: repetitions of one cause lie close together. */
function leftOutMarks(framed: Frame, levels: readonly LevelSummary[], value: (sample: Sample) => number): Markup {
  const STEP = 6;
  return markup`<g class="left-out">${levels.flatMap(({ concurrency, leftOut }) =>
    leftOut.map((sample, index) => {
      const x = framed.x.at(concurrency) + (index - (leftOut.length - 1) / 2) * STEP;
      return shape(LEFT_OUT_SHAPES[sample.leftOut!], Math.min(x, framed.right), framed.y.at(value(sample)), 4, "dot");
    }),
  )}</g>`;
}

/** Where throughput still rose, the most that was seen is no roof. */
function isRoofKnown({ knee, throughputMax }: ShapeResult): boolean {
  return !("notReached" in knee) && throughputMax > 0;
}

function isWithin({ x }: Frame, concurrency: number): boolean {
  return concurrency >= x.low && concurrency <= x.high;
}

/** On the axis: it is a hint, not a result. */
function kneedleMark(framed: Frame, at: number): Markup {
  return shape("triangle", framed.x.at(at), framed.bottom - 5, 4.5, "kneedle");
}

/** What the browser shows of a level, in lines. */
export function tipOf({ concurrency, throughput, p95Ms, leftOut }: LevelSummary): { x: number; text: string } {
  const lines = [
    `${plain(concurrency)} in flight`,
    throughput === undefined
      ? "no sample counts"
      : `${plain(throughput.value)} answers/s (${plain(throughput.low)} to ${plain(throughput.high)})`,
    p95Ms === undefined
      ? undefined
      : `p95 ${milliseconds(p95Ms.value)} (${milliseconds(p95Ms.low)} to ${milliseconds(p95Ms.high)})`,
    ...leftOut.map((sample) => `left out: ${LEFT_OUT[sample.leftOut!]}`),
  ];
  return { x: concurrency, text: lines.filter((line) => line !== undefined).join(" · ") };
}
