/** Reads one setting's value from any source, or throws an error that says what is wrong and where. */

import { HeddleError } from "../errors/errors.ts";
import { kinds, Refusal, type Kind } from "./kinds.ts";
import { nearest } from "./nearest.ts";
import type { Setting } from "./settings.ts";

/** A value as it was written, and where: `--timeout`, `HEDDLE_TIMEOUT`, `timeout in heddle.config.ts`. */
export interface Written {
  readonly raw: unknown;
  readonly origin: string;
}

export function readValue(setting: Setting, { raw, origin }: Written, cwd: string): unknown {
  const kind: Kind<unknown> = kinds[setting.kind];
  const value = kind.parse(raw, setting, cwd);
  if (value !== undefined && !(value instanceof Refusal)) return value;
  const reason = value instanceof Refusal ? ` (${value.reason})` : "";
  const expected = `${origin}: got ${show(raw)}${reason}; expected ${kind.expects(setting)}`;
  throw new HeddleError("CONFIG_BAD_VALUE", expected + suggestion(raw, setting.choices ?? []));
}

export function suggestion(raw: unknown, known: readonly string[], write = (name: string): string => name): string {
  const found = typeof raw === "string" ? nearest(raw, known) : undefined;
  return found === undefined ? "" : `; did you mean ${write(found)}?`;
}

/** Short enough for one line of a message, and safe for values that cannot be serialized. */
export function show(raw: unknown): string {
  if (typeof raw === "string") return JSON.stringify(raw.length > 80 ? `${raw.slice(0, 80)}…` : raw);
  if (Array.isArray(raw)) return raw.length === 0 ? "an empty list" : raw.map(show).join(", ");
  if (typeof raw === "object" && raw !== null) return "an object";
  return typeof raw === "function" ? "a function" : String(raw);
}

/** An object literal, as config files hold them; not an array, a class instance or a function. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
