/** The same chart for several shapes: a line each, named at its end where there is room. */

import type { ShapeResult } from "../../types.ts";
import { summariseLevels } from "../levels.ts";
import { milliseconds, plain } from "../numbers.ts";
import { shapeName } from "../words.ts";
import { type Axis, FONT_SIZE, frame, type Size } from "./frame.ts";
import { concurrencyAxis, pointsOf } from "./knee.ts";
import { spread } from "./labels.ts";
import { pathOf } from "./layers.ts";
import { type Markup, markup } from "./markup.ts";
import { linearTicks, logEnds } from "./scale.ts";
import { shape, type ShapeName } from "./shapes.ts";
import { textWidth } from "./text-width.ts";

const MARKS: readonly ShapeName[] = ["circle", "square", "triangle", "diamond", "down", "cross", "plus", "bars"];

/** Colour and form of the shape at a place: the first six differ in both. */
export function lookOfShape(index: number): { readonly className: string; readonly mark: ShapeName } {
  return { className: `c${(index % 6) + 1}`, mark: MARKS[index % MARKS.length]! };
}

/** If the fastest is more than this much faster than the slowest, the axis is logarithmic. */
const LINEAR_RATIO = 12;

export function comparisonChart(
  shapes: readonly ShapeResult[],
  what: "throughput" | "p95Ms",
  size: Size,
  hasNames: boolean,
): Markup {
  const all = shapes.map((result) => ({ result, levels: summariseLevels(result.levels) }));
  const values = all.flatMap(({ levels }) => pointsOf(levels, what).map(({ y }) => y.value)).filter((each) => each > 0);
  if (values.length === 0) return markup``;
  const names = shapes.map((each) => each.shape.model);
  const room = hasNames ? 16 + Math.max(...names.map((name) => textWidth(short(name), FONT_SIZE))) : 14;
  const axis = what === "throughput" ? rateAxis(shapes, values) : timeAxis(values);
  const framed = frame(size, concurrencyAxis(all.flatMap(({ levels }) => levels)), axis, { top: 4, right: room });
  const lines = all.map(({ levels }) =>
    pointsOf(levels, what).map(({ x, y }): [number, number] => [framed.x.at(x), framed.y.at(y.value)]),
  );
  const ends = spread(
    lines.map((line) => line.at(-1)?.[1] ?? framed.bottom),
    FONT_SIZE + 3,
    framed.top,
    framed.bottom,
  );
  return markup`${framed.axes}${lines.map((line, index) => {
    const { className, mark } = lookOfShape(index);
    const [endX, endY] = line.at(-1) ?? [framed.right, framed.bottom];
    return markup`<g class="${className}"><title>${shapeName(shapes[index]!.shape)}</title>${line.length > 1 && markup`<path class="line" d="${pathOf(line)}"/>`}${line.map(([x, y]) => shape(mark, x, y, 3.5, "dot"))}${
      hasNames &&
      markup`<path class="leader" d="M${endX + 5} ${endY}L${framed.right + 5} ${ends[index]}"/><text class="name" x="${framed.right + 9}" y="${ends[index]! + 4}">${short(names[index]!)}</text>`
    }</g>`;
  })}`;
}

function rateAxis(shapes: readonly ShapeResult[], values: readonly number[]): Axis {
  const label = "answers per second";
  const roofs = shapes.map(({ throughputMax }) => throughputMax).filter((each) => each > 0);
  if (Math.max(...roofs) / Math.min(...roofs) > LINEAR_RATIO) {
    const [low, high] = logEnds(Math.min(...values), Math.max(...values));
    return { kind: "log", low, high, label, told: plain };
  }
  return { kind: "linear", low: 0, high: linearTicks(Math.max(...values) * 1.03, 5).at(-1)!, label, told: plain };
}

function timeAxis(values: readonly number[]): Axis {
  const [low, high] = logEnds(Math.min(...values), Math.max(...values));
  return { kind: "log", low, high, label: "p95 of latency", told: milliseconds };
}

const LONGEST_NAME = 20;

function short(name: string): string {
  return name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME - 1)}…`;
}
