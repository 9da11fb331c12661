/** How numbers with units are written. Each function returns `undefined` for a text in another form. */

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Replace a worker after `count` ± `jitter` requests, so that workers are not all replaced at once; 0 is never. */
export interface Recycling {
  readonly count: number;
  readonly jitter: number;
}

/** Node's timers hold 31 bits; a longer delay would fire at once. About 24 days. */
export const maxDurationMs: number = 2 ** 31 - 1;

const msPer: Readonly<Record<string, number>> = { "": 1, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

const bytesPer: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
};

export function parseCount(raw: unknown): number | undefined {
  if (typeof raw === "string" && !/^\d+$/.test(raw)) return undefined;
  return typeof raw === "string" || typeof raw === "number" ? whole(Number(raw)) : undefined;
}

export function parseDuration(raw: unknown): number | undefined {
  return withUnit(raw, msPer, (unit) => unit);
}

/** Units in any case: no size is measured in millibytes, so `mb` can only mean `MB`. */
export function parseSize(raw: unknown): number | undefined {
  return withUnit(raw, bytesPer, (unit) => unit.toLowerCase());
}

export function parseRange(raw: unknown): Range | undefined {
  const pair = parsePair(raw);
  if (pair === undefined) return undefined;
  const [min, max = min] = pair;
  return min >= 1 && max >= min ? { min, max } : undefined;
}

/** A bare number gets a jitter of 10 %, enough to spread the replacements of a few workers over time. */
export function parseRecycling(raw: unknown): Recycling | undefined {
  const pair = parsePair(raw);
  if (pair === undefined) return undefined;
  const [count, jitter = Math.round(count / 10)] = pair;
  return jitter <= count ? { count, jitter } : undefined;
}

/** `8` or `2:8`. */
function parsePair(raw: unknown): readonly [number, number?] | undefined {
  if (typeof raw !== "string") {
    const count = parseCount(raw);
    return count === undefined ? undefined : [count];
  }
  const parts = raw.split(":").map(parseCount);
  const [first, second] = parts;
  if (first === undefined || parts.length > 2) return undefined;
  if (parts.length === 1) return [first];
  return second === undefined ? undefined : [first, second];
}

function withUnit(
  raw: unknown,
  units: Readonly<Record<string, number>>,
  normalize: (unit: string) => string,
): number | undefined {
  if (typeof raw === "number") return whole(raw);
  const match = typeof raw === "string" ? /^(\d+(?:\.\d+)?)([a-z]*)$/i.exec(raw) : null;
  const unit = normalize(match?.[2] ?? "");
  if (match === null || !Object.hasOwn(units, unit)) return undefined;
  const number = Number(match[1]);
  const value = whole(Math.round(number * (units[unit] ?? 1)));
  // 0 often means "no limit": too little is not meant as that. Without a unit a fraction is one of a unit that is not there.
  const isLost = value === 0 && number > 0;
  return isLost || (unit === "" && !Number.isInteger(number)) ? undefined : value;
}

function whole(value: number): number | undefined {
  return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
