/** Text for a terminal: broken, cut, without what it cannot show. */

import { printable } from "../printable.ts";

/** Lines of at most `columns`, broken between words. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** With `…` or `...` in place of what does not fit. */
export function cut(text: string, columns: number, unicode: boolean): string {
  if (text.length <= columns) return text;
  const end = unicode ? "…" : "...";
  return `${text.slice(0, Math.max(0, columns - end.length))}${end}`;
}

const PLAIN: Readonly<Record<string, string>> = {
  "×": "x",
  "≤": "<=",
  "–": "-",
  "…": "...",
  "·": "*",
  α: "alpha",
  β: "beta",
};

/** For a terminal without UTF-8: what has no ASCII form becomes a question mark. */
export function toAscii(text: string): string {
  return text.replace(/[^\n\u0020-\u007e]/gu, (each) => PLAIN[each] ?? "?");
}

/** The same value with every text in it, keys included, made printable. Line breaks in a text become spaces. */
export function withPrintableTexts<T>(value: T): T {
  if (typeof value === "string") return printable(value.replace(/\s*[\r\n]\s*/g, " ")) as T;
  if (Array.isArray(value)) return value.map((each: unknown) => withPrintableTexts(each)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]: [string, unknown]) => [printable(key), withPrintableTexts(each)]),
  ) as T;
}
