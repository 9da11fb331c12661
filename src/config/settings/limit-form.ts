/**
 * How `--limit` and a route's `limit` are written: a number, or `adaptive` with the numbers that `heddle tune` has measured. Pure.
 *
 * `adaptive:40` begins with 40 requests at once and stays at or below 80. Twice the knee is the cap because more never pays: there
 * throughput is level, so that the time of a request has doubled (Little's law).
 */

import type { Limit } from "../kinds.ts";

export interface AdaptiveLimit {
  readonly adaptive: {
    /** The limit to begin with: the knee. Absent: 16 in each worker. */
    readonly seed?: number;
    /** The largest limit. Absent: twice the seed, or 16,384. */
    readonly max?: number;
  };
}

export const LIMIT_FORMS =
  "a whole number from 0 up, adaptive, adaptive:SEED or adaptive:SEED:MAX such as adaptive:40:80; in a config file also { adaptive: { seed: 40, max: 80 } }";

/** A text: why it is refused. undefined: it is no limit at all. */
export function parseLimit(raw: unknown): Limit | string | undefined {
  if (typeof raw === "number") return Number.isSafeInteger(raw) && raw >= 0 ? raw : undefined;
  if (typeof raw === "object" && raw !== null) return parseObject(raw);
  if (typeof raw !== "string") return undefined;
  if (/^\d+$/.test(raw)) return parseLimit(Number(raw));
  const [, seed, max] = /^adaptive(?::(\d+)(?::(\d+))?)?$/.exec(raw) ?? [undefined];
  if (!raw.startsWith("adaptive") || (raw !== "adaptive" && seed === undefined)) return undefined;
  return adaptive(numberOf(seed), numberOf(max));
}

/** As it is written on the command line. */
export function formatLimit(limit: Limit): string {
  if (typeof limit === "number") return String(limit);
  const { seed, max } = limit.adaptive;
  const numbers = seed === undefined ? [] : max === undefined ? [seed] : [seed, max];
  return ["adaptive", ...numbers].join(":");
}

function parseObject({ adaptive: numbers, ...others }: { readonly adaptive?: unknown }): Limit | string | undefined {
  if (Object.keys(others).length > 0 || typeof numbers !== "object" || numbers === null) return undefined;
  const { seed, max, ...unknown } = numbers as { readonly seed?: unknown; readonly max?: unknown };
  if (Object.keys(unknown).length > 0) return `adaptive has seed and max, and no ${Object.keys(unknown).join(", ")}`;
  for (const [name, value] of Object.entries({ seed, max })) {
    if (value !== undefined && !Number.isSafeInteger(value)) return `${name} is not a whole number`;
  }
  return adaptive(seed as number | undefined, max as number | undefined);
}

function adaptive(seed: number | undefined, max: number | undefined): AdaptiveLimit | string {
  if (seed !== undefined && seed < 1) return "the seed is less than 1";
  if (max !== undefined && max < (seed ?? 1)) return `the max is less than ${seed === undefined ? "1" : "the seed"}`;
  return { adaptive: { ...(seed === undefined ? {} : { seed }), ...(max === undefined ? {} : { max }) } };
}

function numberOf(digits: string | undefined): number | undefined {
  return digits === undefined ? undefined : Number(digits);
}
