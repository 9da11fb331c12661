/** The pieces that sections are made of: a table, a figure with its two sizes, a legend. */

import type { Size } from "../chart/frame.ts";
import { type Markup, markup, type Value } from "../chart/markup.ts";
import { shape, type ShapeName } from "../chart/shapes.ts";

export interface Column {
  readonly head: string;
  /** Numbers are aligned right, sentences get room. Default: text. */
  readonly kind?: "number" | "sentence" | "text";
}

const CLASSES = { number: "n", sentence: "s", text: "t" } as const;

/** A table that scrolls sideways by itself where the page is narrow. The first cell of a row names the row. */
export function table(caption: string, columns: readonly Column[], rows: readonly (readonly Value[])[]): Markup {
  const classOf = (index: number): string => CLASSES[columns[index]?.kind ?? "text"];
  return markup`<div class="table"><p class="caption" aria-hidden="true">${caption}</p><div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table><caption>${caption}</caption><thead><tr>${columns.map(
    ({ head }, index) => markup`<th scope="col" class="${classOf(index)}">${head}</th>`,
  )}</tr></thead><tbody>${rows.map(
    (row) =>
      markup`<tr>${row.map((cell, index) =>
        index === 0
          ? markup`<th scope="row" class="${classOf(index)}">${cell}</th>`
          : markup`<td class="${classOf(index)}">${cell}</td>`,
      )}</tr>`,
  )}</tbody></table></div></div>`;
}

export interface FigureInput {
  /** Unique on the page. */
  readonly id: string;
  readonly title: string;
  /** What a reader who does not see it has to know. */
  readonly description: string;
  readonly draw: (size: Size, isWide: boolean) => Markup;
  readonly legend?: Markup;
}

/** Text in a picture shrinks with the picture, so that each chart is drawn twice: for a phone and for a wider page. */
const WIDE: Size = { width: 500, height: 330 };
const NARROW: Size = { width: 340, height: 290 };

export function figure({ id, title, description, draw, legend }: FigureInput): Markup {
  const picture = (name: "wide" | "narrow", size: Size): Markup =>
    markup`<svg class="chart ${name}" viewBox="0 0 ${size.width} ${size.height}" role="img" aria-labelledby="${id}-${name}-title ${id}-${name}-text"><title id="${id}-${name}-title">${title}</title><desc id="${id}-${name}-text">${description}</desc>${draw(size, name === "wide")}</svg>`;
  return markup`<figure id="${id}"><figcaption>${title}</figcaption>${picture("wide", WIDE)}${picture("narrow", NARROW)}<p class="readout" aria-hidden="true"></p>${legend}</figure>`;
}

export interface LegendEntry {
  readonly text: string;
  /** The colour's class. */
  readonly className: string;
  readonly swatch: ShapeName | "line" | "dashes" | "dots" | "band" | "rule";
}

export function legend(entries: readonly LegendEntry[]): Markup {
  return markup`<ul class="legend">${entries.map(
    ({ text, className, swatch }) =>
      markup`<li><svg viewBox="0 0 22 14" aria-hidden="true"><g class="${className}">${swatchOf(swatch)}</g></svg>${text}</li>`,
  )}</ul>`;
}

function swatchOf(swatch: LegendEntry["swatch"]): Markup {
  if (swatch === "band")
    return markup`<rect class="band" x="4" y="0" width="14" height="14"/><path class="rule" d="M11 0V14"/>`;
  if (swatch === "line") return markup`<path class="line" d="M1 7H21"/>${shape("circle", 11, 7, 3.5, "dot")}`;
  if (swatch === "rule") return markup`<path class="rule" d="M1 7H21"/>`;
  if (swatch === "dashes") return markup`<path class="hinge" d="M1 7H21"/>`;
  if (swatch === "dots") return markup`<path class="usl" d="M1 7H21"/>`;
  return shape(swatch, 11, 7, 4, "dot");
}

/** What stands between backticks is code, as in a note of Markdown. */
export function prose(text: string): Markup {
  return markup`${text.split(/`([^`]+)`/).map((part, index) => (index % 2 === 1 ? markup`<code>${part}</code>` : part))}`;
}

export function section(id: string, title: string, ...content: readonly Value[]): Markup {
  return markup`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${content}</section>`;
}

export function details(summary: string, ...content: readonly Value[]): Markup {
  return markup`<details><summary>${summary}</summary>${content}</details>`;
}

/** A bar in a cell, to compare the rows of a column. `shares`: of the cell's width. */
export function bar(parts: readonly { readonly share: number; readonly className: string }[]): Markup {
  let from = 0;
  const shown = parts.filter(({ share }) => share > 0);
  return markup`<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">${shown.map(
    ({ share, className }) => {
      const start = from;
      from += share * 100;
      return markup`<rect class="${className}" x="${start}" y="0" width="${share * 100}" height="10"/>`;
    },
  )}</svg>`;
}
