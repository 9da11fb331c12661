/** The distribution of latency at each level as a heat map: a column is a level, a cell is darker the more answers were that slow. */

import type { Sample, ShapeResult } from "../../types.ts";
import { milliseconds, plain } from "../numbers.ts";
import { frame, FONT_SIZE, type Size } from "./frame.ts";
import { type Markup, markup } from "./markup.ts";
import { logEnds } from "./scale.ts";
import { textWidth } from "./text-width.ts";

/** Rows of the map, unless the histogram's own buckets are wider. */
const ROWS = 36;

interface Column {
  readonly concurrency: number;
  /** Share of the answers by row, from the fastest. */
  readonly shares: readonly number[];
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

export function spreadChart(result: ShapeResult, size: Size): Markup {
  const levels = result.levels
    .map(({ concurrency, samples }) => ({ concurrency, counted: samples.filter((each) => each.leftOut === undefined) }))
    .filter(({ counted }) => counted.some(({ histogram }) => histogram.length > 0))
    .sort((a, b) => a.concurrency - b.concurrency);
  if (levels.length === 0) return markup``;
  /** Of the first bucket only the upper bound is known. */
  const bucketStep = widestStep(levels);
  const bounds = levels.flatMap(({ counted }) =>
    counted.flatMap(({ histogram }) => histogram.map(([upToMs]) => upToMs)),
  );
  const [low, high] = logEnds(extreme(bounds, Math.min) / bucketStep, extreme(bounds, Math.max));
  const rows = Math.max(1, Math.min(ROWS, Math.floor(Math.log(high / low) / Math.log(bucketStep) + 1e-9)));
  const columns = levels.map(({ concurrency, counted }) => columnOf(concurrency, counted, low, high, rows));
  const edge = columns.length + 0.5;
  const framed = frame(
    size,
    { kind: "linear", low: 0, high: edge, label: "requests in flight", told: () => "" },
    { kind: "log", low, high, label: "latency", told: milliseconds },
    { top: 10 },
  );
  const step = (framed.right - framed.left) / columns.length;
  const rowHeight = (framed.bottom - framed.top) / rows;
  const darkest = Math.max(...columns.flatMap(({ shares }) => shares));
  const widest = Math.max(...columns.map(({ concurrency }) => textWidth(plain(concurrency), FONT_SIZE)));
  const every = Math.max(1, Math.ceil((widest + 6) / step));
  return markup`${framed.axes}${columns.map(({ concurrency, shares, p50Ms, p95Ms, p99Ms }, index) => {
    const left = framed.left + index * step + step * 0.08;
    const width = step * 0.84;
    const middle = left + width / 2;
    const tick = (ms: number, className: string): Markup =>
      markup`<path class="${className}" d="M${left} ${framed.y.at(ms)}h${width}"/>`;
    return markup`<g class="level">${[
      ...shares.map((share, row) =>
        share > 0
          ? markup`<rect class="heat" x="${left}" y="${framed.bottom - (row + 1) * rowHeight}" width="${width}" height="${rowHeight}" fill-opacity="${Math.max(0.06, Math.sqrt(share / darkest) * 0.85)}"/>`
          : undefined,
      ),
      tick(p50Ms, "p50"),
      tick(p95Ms, "p95"),
      tick(p99Ms, "p99"),
      index % every === 0 &&
        markup`<text class="tick" x="${middle}" y="${framed.bottom + 18}" text-anchor="middle">${plain(concurrency)}</text>`,
    ]}<rect class="strip" x="${left}" y="${framed.top}" width="${width}" height="${framed.bottom - framed.top}"><title>${`${plain(concurrency)} in flight · half within ${milliseconds(p50Ms)} · 95 % within ${milliseconds(p95Ms)} · 99 % within ${milliseconds(p99Ms)}`}</title></rect></g>`;
  })}`;
}

function columnOf(concurrency: number, samples: readonly Sample[], low: number, high: number, rows: number): Column {
  const counts = Array.from({ length: rows }, () => 0);
  const merged = samples.flatMap(({ histogram }) => histogram).toSorted(([a], [b]) => a - b);
  for (const [upToMs, answers] of merged) {
    /** A bound on the edge of a row belongs to the row below it. */
    const row = Math.ceil((Math.log(upToMs / low) / Math.log(high / low)) * rows - 1e-9) - 1;
    counts[Math.min(rows - 1, Math.max(0, row))]! += answers;
  }
  const total = Math.max(
    1,
    merged.reduce((sum, [, answers]) => sum + answers, 0),
  );
  const quantile = (share: number): number => {
    let seen = 0;
    return merged.find(([, answers]) => (seen += answers) >= share * total)?.[0] ?? low;
  };
  return {
    concurrency,
    shares: counts.map((each) => each / total),
    p50Ms: quantile(0.5),
    p95Ms: quantile(0.95),
    p99Ms: quantile(0.99),
  };
}

/** The largest ratio of neighbouring bounds that is usual in the histograms: the median of their steps. */
function widestStep(levels: readonly { readonly counted: readonly Sample[] }[]): number {
  const steps = levels
    .flatMap(({ counted }) => counted)
    .flatMap(({ histogram }) => histogram.slice(1).map(([upToMs], index) => upToMs / histogram[index]![0]))
    .filter((ratio) => ratio > 1)
    .toSorted((a, b) => a - b);
  return Math.max(1.02, steps[Math.floor(steps.length / 2)] ?? 1.02);
}

/** `Math.min(...)` of very many values would exceed the stack. */
function extreme(values: readonly number[], of: (a: number, b: number) => number): number {
  return values.reduce((a, b) => of(a, b));
}
