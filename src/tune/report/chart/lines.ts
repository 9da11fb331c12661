/** Several lines in one frame, told apart by colour and by the form of their marks, each named at its end where there is room. */

import { type Axis, FONT_SIZE, frame, type Size } from "./frame.ts";
import { spread } from "./labels.ts";
import { pathOf } from "./layers.ts";
import { type Markup, markup } from "./markup.ts";
import { shape, type ShapeName } from "./shapes.ts";
import { textWidth } from "./text-width.ts";

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

const MARKS: readonly ShapeName[] = ["circle", "square", "triangle", "diamond", "down", "cross", "plus", "bars"];
const COLOURS = 6;

/** Of the line at a place. The first six differ in both, the first 24 in one of them. */
export function lookOfLine(index: number): { readonly className: string; readonly mark: ShapeName } {
  return { className: `c${(index % COLOURS) + 1}`, mark: MARKS[index % MARKS.length]! };
}

export function linesChart(lines: readonly Line[], x: Axis, y: Axis, size: Size, hasNames: boolean): Markup {
  const names = lines.map(({ name }) => shortened(name));
  const room = hasNames ? 16 + Math.max(...names.map((name) => textWidth(name, FONT_SIZE))) : 14;
  const framed = frame(size, x, y, { top: 10, right: room });
  const drawn = lines.map(({ points }) =>
    points.map(([px, py]): [number, number] => [framed.x.at(px), framed.y.at(py)]),
  );
  const wanted = drawn.map((at) => at.at(-1)?.[1] ?? framed.bottom);
  const ends = spread(wanted, FONT_SIZE + 3, framed.top, framed.bottom);
  return markup`${framed.axes}${drawn.map((at, index) => {
    const { className, mark } = lookOfLine(index);
    const [endX, endY] = at.at(-1) ?? [framed.right, framed.bottom];
    const name = markup`<path class="leader" d="M${endX + 5} ${endY}L${framed.right + 5} ${ends[index]}"/><text class="name" x="${framed.right + 9}" y="${ends[index]! + 4}">${names[index]}</text>`;
    return markup`<g class="${className}"><title>${lines[index]!.name}</title>${[
      at.length > 1 && markup`<path class="line" d="${pathOf(at)}"/>`,
      ...at.map(([px, py]) => shape(mark, px, py, 3.5, "dot")),
      hasNames && name,
    ]}</g>`;
  })}`;
}

const LONGEST_NAME = 22;

function shortened(name: string): string {
  return name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME - 1)}…`;
}
