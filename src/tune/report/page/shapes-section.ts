/** All shapes that were measured, side by side. */

import type { TuneResult } from "../../types.ts";
import { comparisonChart } from "../chart/comparison.ts";
import { lookOfLine } from "../chart/lines.ts";
import { type Markup, markup } from "../chart/markup.ts";
import { inFlight, milliseconds, perSecond } from "../numbers.ts";
import { LIMITED_BY, shapeName } from "../words.ts";
import { bar, figure, legend, section, table } from "./parts.ts";

export function shapesSection({ shapes }: TuneResult): Markup {
  if (shapes.length < 2) return markup``;
  const isDrawn = shapes.some(({ levels }) =>
    levels.some(({ samples }) => samples.some((each) => each.leftOut === undefined)),
  );
  const most = Math.max(...shapes.map(({ throughputMax }) => throughputMax || 0));
  const key = legend(
    shapes.map(({ shape }, index) => {
      const { className, mark } = lookOfLine(index);
      return { text: shapeName(shape), className, swatch: mark };
    }),
  );
  return section(
    "shapes",
    "The shapes side by side",
    isDrawn &&
      markup`<div class="pair">${figure({
        id: "shapes-throughput",
        title: "Throughput",
        description:
          "Answers per second of each shape against requests in flight. The ceilings are in the table below.",
        draw: (size, isWide) => comparisonChart(shapes, "throughput", size, isWide),
      })}${figure({
        id: "shapes-p95",
        title: "95 % of the answers came within",
        description:
          "p95 of latency of each shape against requests in flight. The values at the knee are in the table below.",
        draw: (size, isWide) => comparisonChart(shapes, "p95Ms", size, isWide),
      })}</div>`,
    isDrawn && key,
    table(
      "The ceiling of each shape, the recommended one first",
      [
        { head: "shape" },
        { head: "throughput at most", kind: "number" },
        { head: "compared" },
        { head: "knee", kind: "number" },
        { head: "95 % interval", kind: "number" },
        { head: "p95 at the knee", kind: "number" },
        { head: "limited by", kind: "sentence" },
      ],
      shapes.map(({ shape, throughputMax, knee, p95AtKneeMs, limitedBy }, index) => [
        shapeName(shape),
        perSecond(throughputMax),
        bar([{ share: most > 0 ? throughputMax / most : 0, className: lookOfLine(index).className }]),
        "value" in knee ? inFlight(knee.value) : "notReached" in knee ? `> ${inFlight(knee.seenUpTo)}` : "inconclusive",
        "value" in knee ? `${inFlight(knee.low)} to ${inFlight(knee.high)}` : "–",
        p95AtKneeMs === undefined ? "–" : milliseconds(p95AtKneeMs),
        LIMITED_BY[limitedBy],
      ]),
    ),
  );
}
