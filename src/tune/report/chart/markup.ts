/**
 * HTML and SVG as text. What is put into a template is escaped, unless it is markup itself, so that no text of an app can end an
 * element or an attribute. Attributes are quoted in every template.
 */

import { printable } from "../printable.ts";

export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Nothing is written for `undefined` and `false`. Numbers are rounded to two places: they are coordinates. */
export type Value = Markup | string | number | false | undefined | readonly Value[];

export function markup(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(parts.map((part, index) => part + (index < values.length ? written(values[index]) : "")).join(""));
}

/** Text of heddle's own that is markup, CSS or JavaScript. Never what comes from an app. */
export function trusted(text: string): Markup {
  return new Markup(text);
}

function written(value: Value): string {
  if (value === undefined || value === false) return "";
  if (value instanceof Markup) return value.text;
  if (typeof value === "number") return String(Math.round(value * 100) / 100);
  if (typeof value === "string") return escaped(value);
  return value.map(written).join("");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Controls, which XML does not allow, and marks of direction, which reorder a page, are shown as their codes. */
function escaped(text: string): string {
  return printable(text).replace(/[&<>"']/g, (each) => ENTITIES[each]!);
}
