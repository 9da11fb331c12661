/** One panel of the terminal's chart: a curve in dots, the knee as a dashed column, a target as a dashed row, labels at the left. */

import { fittingTicks, logScale, type Scale } from "../chart/scale.ts";
import { Canvas } from "./canvas.ts";

export interface Glyphs {
  readonly side: string;
  readonly corner: string;
  readonly floor: string;
  readonly knee: string;
  readonly interval: string;
  readonly target: string;
}

export const UNICODE: Glyphs = { side: "│", corner: "└", floor: "─", knee: "┊", interval: "━", target: "╌" };
export const ASCII: Glyphs = { side: "|", corner: "+", floor: "-", knee: ":", interval: "=", target: "." };

/** Colours a text, or leaves it as it is. */
export type Paint = (style: "bold" | "dim" | "cyan" | "yellow" | "magenta" | "red", text: string) => string;

export interface PanelInput {
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly style: "cyan" | "yellow";
  readonly yScale: (from: number, to: number) => Scale;
  /** From many ticks to few. */
  readonly ticks: readonly (readonly number[])[];
  readonly told: (tick: number) => string;
  readonly knee: number | undefined;
  readonly target: number | undefined;
}

/** Columns for the labels of the vertical axes. */
export const LABELS = 9;

export function panelRows(input: PanelInput, columns: number, rows: number, glyphs: Glyphs, paint: Paint): string[] {
  const canvas = new Canvas(columns, rows, glyphs === UNICODE);
  const [first, last] = [input.points[0]![0], input.points.at(-1)![0]];
  const rowOf = input.yScale(rows - 1, 0);
  if (input.target !== undefined && input.target >= rowOf.low && input.target <= rowOf.high) {
    canvas.markRow(Math.round(rowOf.at(input.target)), glyphs.target);
  }
  if (input.knee !== undefined) {
    canvas.markColumn(Math.round(logScale(first, last, 0, columns - 1).at(input.knee)), glyphs.knee);
  }
  const x = logScale(first, last, 0, canvas.width - 1);
  const y = input.yScale(canvas.height - 1, 0);
  const at = input.points.map(([px, py]) => [Math.round(x.at(px)), Math.round(y.at(py))] as const);
  for (const [index, [px, py]] of at.entries()) {
    const [toX, toY] = at[index + 1] ?? [px, py];
    canvas.line(px, py, toX, toY);
  }
  const ticks = fittingTicks(input.ticks, rowOf, () => 1, 0.5);
  const labels = new Map(ticks.map((tick) => [Math.round(rowOf.at(tick)), input.told(tick)]));
  return Array.from({ length: rows }, (_, row) => {
    const cells = canvas.pieces(row).map(({ kind, text }) => {
      if (kind === "dots") return paint(input.style, text);
      if (kind === "blank") return text;
      return paint(text.startsWith(glyphs.target) ? "red" : "magenta", text);
    });
    return `${(labels.get(row) ?? "").padStart(LABELS)}${paint("dim", glyphs.side)}${cells.join("")}`;
  });
}
