/** Throughput or p95 of several shapes against concurrency. */

import type { Shape, ShapeResult } from "../../types.ts";
import { summariseLevels } from "../levels.ts";
import { milliseconds, plain } from "../numbers.ts";
import type { Axis, Size } from "./frame.ts";
import { concurrencyAxis, pointsOf } from "./knee.ts";
import { type Line, linesChart } from "./lines.ts";
import { type Markup, markup } from "./markup.ts";
import { linearTicks, logEnds } from "./scale.ts";

/** If the fastest is more than this many times as fast as the slowest, the axis is logarithmic. */
const LINEAR_RATIO = 12;

export function comparisonChart(
  shapes: readonly ShapeResult[],
  what: "throughput" | "p95Ms",
  size: Size,
  hasNames: boolean,
): Markup {
  const levels = shapes.map((result) => summariseLevels(result.levels));
  const lines = levels.map((each, index): Line => {
    const points = pointsOf(each, what).map(({ x, y }): [number, number] => [x, y.value]);
    return { name: lineName(shapes[index]!.shape), points };
  });
  const values = lines.flatMap(({ points }) => points.map(([, y]) => y)).filter((each) => each > 0);
  if (values.length === 0) return markup``;
  const y = what === "throughput" ? rateAxis(shapes, values) : timeAxis(values);
  return linesChart(lines, concurrencyAxis(levels.flat()), y, size, hasNames);
}

function lineName({ model, routes = {} }: Shape): string {
  return [model, ...new Set(Object.values(routes).map((route) => route.model))].join(" + ");
}

function rateAxis(shapes: readonly ShapeResult[], values: readonly number[]): Axis {
  const label = "answers per second";
  const roofs = shapes.map(({ throughputMax }) => throughputMax).filter((each) => each > 0);
  if (Math.max(...roofs) / Math.min(...roofs) > LINEAR_RATIO) return logAxis(values, label, plain);
  return { kind: "linear", low: 0, high: linearTicks(Math.max(...values) * 1.03, 5).at(-1)!, label, told: plain };
}

function timeAxis(values: readonly number[]): Axis {
  return logAxis(values, "p95 of latency", milliseconds);
}

/** An axis that holds all values and ends at round ones. */
export function logAxis(values: readonly number[], label: string, told: (value: number) => string): Axis {
  const [low, high] = logEnds(Math.min(...values), Math.max(...values));
  return { kind: "log", low, high, label, told };
}
