/**
 * The kinds of value a setting can have: how each is read and described. A kind does not know the source of its value;
 * setting-value.ts adds it to the error message.
 *
 * Every kind reads the same notation from a flag, an environment variable and a string in the config file; the config
 * file may also use plain numbers, booleans and arrays.
 */

import { resolve } from "node:path";
import { type AdaptiveLimit, LIMIT_FORMS, parseLimit } from "./settings/limit-form.ts";
import { parseListenAddress, type ListenAddress } from "./listen-address.ts";
import { parseCount, parseDuration, parseRange, parseRecycling, parseSize, maxDurationMs } from "./notation.ts";
import type { Range, Recycling } from "./notation.ts";
import { parseRunawayBudgets, type RunawayBudgets } from "./runaway-budget.ts";
import type { Setting } from "./settings.ts";

/** A number of requests at once, or one that the server finds while it runs. */
export type Limit = number | AdaptiveLimit;

export interface KindValues {
  readonly text: string;
  readonly path: string;
  readonly control: string;
  readonly choice: string;
  readonly boolean: boolean;
  readonly port: number;
  readonly count: number;
  readonly limit: Limit;
  readonly duration: number;
  readonly size: number;
  readonly range: Range;
  readonly recycling: Recycling;
  readonly runaways: RunawayBudgets;
  readonly addresses: readonly ListenAddress[];
  readonly paths: readonly string[];
}

export type DurationInput = number | `${number}${"ms" | "s" | "m" | "h"}`;
export type SizeInput = number | `${number}${"B" | "KB" | "MB" | "GB" | "KiB" | "MiB" | "GiB"}`;

/** What the config file may hold for each kind. */
export interface KindInputs {
  readonly text: string;
  readonly path: string;
  readonly control: string;
  readonly choice: string;
  readonly boolean: boolean;
  readonly port: number;
  readonly count: number;
  readonly limit: number | "adaptive" | `adaptive:${number}` | `adaptive:${number}:${number}` | AdaptiveLimit;
  readonly duration: DurationInput;
  readonly size: SizeInput;
  readonly range: number | `${number}:${number}`;
  readonly recycling: number | `${number}:${number}`;
  readonly runaways: string;
  readonly addresses: string | readonly string[];
  readonly paths: string | readonly string[];
}

export type KindName = keyof KindValues;

/** Those whose flag may be repeated; an environment variable separates the values by commas. */
export function collects(kind: KindName): boolean {
  return kind === "addresses" || kind === "paths";
}

/** Why a value was refused, if the kind's expectation does not say enough. */
export class Refusal {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

export interface Kind<V> {
  readonly placeholder: string;
  /** Completes "expected …". */
  expects(setting: Setting): string;
  /** `undefined` if it is not a value of this kind. */
  parse(raw: unknown, setting: Setting, cwd: string): V | Refusal | undefined;
}

export const kinds: { readonly [K in KindName]: Kind<KindValues[K]> } = {
  text: { placeholder: "TEXT", expects: () => "a text that is not empty", parse: nonEmpty },
  path: {
    placeholder: "PATH",
    expects: () => "a path, relative to the working directory",
    parse: (raw, _, cwd) => resolveText(raw, cwd),
  },
  control: {
    placeholder: "PATH|off",
    expects: () => "a path for the socket, or off",
    parse: (raw, _, cwd) => (raw === "off" ? raw : resolveText(raw, cwd)),
  },
  choice: {
    placeholder: "NAME",
    expects: ({ choices = [] }) => `one of ${choices.join(", ")}`,
    parse: (raw, { choices = [] }) => choices.find((choice) => choice === raw),
  },
  boolean: { placeholder: "true|false", expects: () => "true or false", parse: parseBoolean },
  port: {
    placeholder: "PORT",
    expects: () => "a port number from 0 to 65535",
    parse: (raw) => within(parseCount(raw), { min: 0, max: 65_535 }),
  },
  count: {
    placeholder: "N",
    expects: ({ min = 0, max }) => `a whole number ${max === undefined ? `from ${min} up` : `from ${min} to ${max}`}`,
    parse: (raw, setting) => within(parseCount(raw), setting),
  },
  limit: {
    placeholder: "N|adaptive",
    expects: () => LIMIT_FORMS,
    parse: (raw) => {
      const limit = parseLimit(raw);
      return typeof limit === "string" ? new Refusal(limit) : limit;
    },
  },
  duration: {
    placeholder: "TIME",
    expects: ({ min = 0 }) => `a duration such as 500ms, 2s or 1m (a bare number is milliseconds)${atLeast(min, "ms")}`,
    parse: (raw, { min = 0 }) => within(parseDuration(raw), { min, max: maxDurationMs }, "ms"),
  },
  size: {
    placeholder: "SIZE",
    expects: ({ min = 0 }) => `a size such as 64KiB or 1MiB (a bare number is bytes)${atLeast(min, " bytes")}`,
    parse: (raw, setting) => within(parseSize(raw), setting, " bytes"),
  },
  range: {
    placeholder: "N|MIN:MAX",
    expects: () => "a whole number from 1 up such as 8, or min:max such as 2:8",
    parse: parseRange,
  },
  recycling: {
    placeholder: "N|N:JITTER",
    expects: () => "a whole number such as 1000, or number:jitter such as 1000:100 with the jitter no larger",
    parse: parseRecycling,
  },
  runaways: {
    placeholder: "BUDGET",
    expects: () => "off, a duration such as 1s, warn:1s, kill:1s, or a list such as actors=kill:1s,tasks=warn:1s",
    parse: (raw) => {
      const budgets = parseRunawayBudgets(raw);
      return typeof budgets === "string" ? new Refusal(budgets) : budgets;
    },
  },
  addresses: {
    placeholder: "ADDRESS",
    expects: () => "an address such as 127.0.0.1:8000, :8000, [::1]:8000, unix:/run/app.sock or fd://3",
    parse: parseAddresses,
  },
  paths: {
    placeholder: "PATH",
    expects: () => "a path, relative to the working directory, or several",
    parse: parsePaths,
  },
};

function nonEmpty(raw: unknown): string | undefined {
  return typeof raw === "string" && raw.trim() !== "" ? raw : undefined;
}

function resolveText(raw: unknown, cwd: string): string | undefined {
  const path = nonEmpty(raw);
  return path === undefined ? undefined : resolve(cwd, path);
}

function atLeast(min: number, unit: string): string {
  return min > 0 ? `, at least ${min}${unit}` : "";
}

function within(
  value: number | undefined,
  { min = 0, max = Number.MAX_SAFE_INTEGER }: { min?: number; max?: number },
  unit = "",
): number | Refusal | undefined {
  if (value === undefined) return undefined;
  if (value < min) return new Refusal(`it is less than ${min}${unit}`);
  return value > max ? new Refusal(`it is more than ${max}${unit}`) : value;
}

const words: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  1: true,
  false: false,
  no: false,
  off: false,
  0: false,
};

function parseBoolean(raw: unknown): boolean | undefined {
  if (typeof raw === "boolean") return raw;
  return typeof raw === "string" && Object.hasOwn(words, raw.toLowerCase()) ? words[raw.toLowerCase()] : undefined;
}

function parseAddresses(raw: unknown, _: Setting, cwd: string): readonly ListenAddress[] | Refusal | undefined {
  const texts: readonly unknown[] = Array.isArray(raw) ? raw : [raw];
  if (texts.length === 0) return undefined;
  const addresses: ListenAddress[] = [];
  for (const text of texts) {
    if (typeof text !== "string") return undefined;
    const address = parseListenAddress(text.trim(), cwd);
    if (typeof address === "string") return new Refusal(texts.length > 1 ? `${text.trim()}: ${address}` : address);
    addresses.push(address);
  }
  return addresses;
}

function parsePaths(raw: unknown, _: Setting, cwd: string): readonly string[] | undefined {
  const paths: readonly (string | undefined)[] = Array.isArray(raw)
    ? raw.map((each) => resolveText(each, cwd))
    : [resolveText(raw, cwd)];
  return paths.length > 0 && paths.every((path) => path !== undefined) ? paths : undefined;
}
