/** Whether heddle answers as the bare application does. Pure. */

import { isDeepStrictEqual } from "node:util";
import type { Answer } from "./client.ts";

/**
 * The connection's own headers: they say how an answer is sent, not what it is. `content-length` is compared if both have one: heddle
 * may know the length of a body that a bare server sends in chunks.
 */
const NOT_COMPARED: ReadonlySet<string> = new Set(["date", "connection", "keep-alive", "transfer-encoding"]);

/** What differs, in a line each. */
export function differences(bare: Answer, heddle: Answer): readonly string[] {
  return [
    ...(bare.status === heddle.status ? [] : [`status ${heddle.status}, bare ${bare.status}`]),
    ...headerDifferences(bare.headers ?? {}, heddle.headers ?? {}),
    ...(isDeepStrictEqual(bare.body, heddle.body) ? [] : [`body ${brief(heddle.body)}, bare ${brief(bare.body)}`]),
  ];
}

function headerDifferences(
  bare: Readonly<Record<string, unknown>>,
  heddle: Readonly<Record<string, unknown>>,
): readonly string[] {
  const names = [...new Set([...Object.keys(bare), ...Object.keys(heddle)])].filter((name) => !NOT_COMPARED.has(name));
  return names.flatMap((name) => {
    if (isDeepStrictEqual(bare[name], heddle[name])) return [];
    if (name === "content-length" && (bare[name] === undefined || heddle[name] === undefined)) return [];
    return [`header ${name}: ${brief(heddle[name])}, bare ${brief(bare[name])}`];
  });
}

/**
 * What the copies of an application have written when they ended, against what one bare copy writes: each line as often as every other,
 * and at least once for each copy.
 */
export function cleanupFault(bare: readonly string[], heddle: readonly string[], copies: number): string | undefined {
  const counts = new Map<string, number>();
  for (const line of heddle) counts.set(line, (counts.get(line) ?? 0) + 1);
  for (const line of new Set(bare)) {
    const count = counts.get(line) ?? 0;
    if (count < copies) return `"${line}" was written ${count} times by ${copies} copies that ended`;
  }
  const more = [...counts.keys()].find((line) => !bare.includes(line));
  return more === undefined ? undefined : `"${more}" was written, by the bare application it is not`;
}

export function brief(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : (JSON.stringify(value) ?? "none");
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
