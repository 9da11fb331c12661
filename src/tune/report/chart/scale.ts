/** Axes: from values to places, and which values get a tick. Pure; for SVG and for the terminal. */

export interface Scale {
  readonly kind: "log" | "linear";
  /** The values at the ends of the axis. */
  readonly low: number;
  readonly high: number;
  /** The place of a value. A value beyond an end is placed at the end. */
  at(value: number): number;
}

export function logScale(low: number, high: number, from: number, to: number): Scale {
  const [start, end] = [Math.log(low), Math.log(high)];
  const span = end - start || 1;
  return { kind: "log", low, high, at: (value) => place((Math.log(value) - start) / span, from, to) };
}

export function linearScale(low: number, high: number, from: number, to: number): Scale {
  const span = high - low || 1;
  return { kind: "linear", low, high, at: (value) => place((value - low) / span, from, to) };
}

function place(share: number, from: number, to: number): number {
  return from + Math.min(1, Math.max(0, Number.isNaN(share) ? 0 : share)) * (to - from);
}

/** Digits that a decade may show, from many ticks to few. */
const DIGITS: readonly (readonly number[])[] = [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 5], [1, 2, 5], [1, 3], [1]];

/** An axis that ends before this many times its beginning has even steps: whole digits would be too few. */
const NARROW = 4;
const NARROW_COUNTS = [20, 10, 8, 5];

/** Sets of ticks between `low` and `high`, from many to few; every set has at least two, or it is the last resort: the ends. */
export function logTicks(low: number, high: number): number[][] {
  const decades = range(Math.floor(Math.log10(low)), Math.ceil(Math.log10(high)));
  const isBetween = (tick: number): boolean => tick >= low * 0.999 && tick <= high * 1.001;
  const sets = [
    ...DIGITS.map((digits) => decades.flatMap((power) => digits.map((digit) => exact(digit, power)))),
    ...[2, 3].map((step) => decades.filter((power) => power % step === 0).map((power) => exact(1, power))),
  ].map((ticks) => ticks.filter(isBetween));
  const even = high / low < NARROW ? NARROW_COUNTS.map((most) => linearTicks(high, most).filter(isBetween)) : [];
  const usable = [...even, ...sets].filter((ticks) => ticks.length >= 2);
  return usable.length > 0 ? usable : [[low, high]];
}

/** At most about `most` ticks from 0 on; the last is not below `high`. */
export function linearTicks(high: number, most: number): number[] {
  if (!(high > 0)) return [0, 1];
  const rough = high / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((digit) => digit * power).find((each) => each >= rough * 0.999)!;
  return range(0, Math.ceil(high / step - 1e-9)).map((index) => Number((index * step).toPrecision(12)));
}

/** The next of 1, 2 and 5 × 10ⁿ outwards: where a logarithmic axis ends. 1 to 10 if there is nothing to show. */
export function logEnds(low: number, high: number): [low: number, high: number] {
  if (!(low > 0 && Number.isFinite(high))) return [1, 10];
  const nice = logTicks(low / 10, high * 10).find((ticks) => ticks.length > 1)!;
  const digits = nice.filter((tick) => [1, 2, 5].includes(Number(tick.toExponential(3).split("e")[0])));
  const below = digits.findLast((tick) => tick <= low * 1.001) ?? low;
  const above = digits.find((tick) => tick >= high * 0.999) ?? high;
  return below === above ? [below / 2, above * 2] : [below, above];
}

/** The densest set of ticks of which no label touches the next one. `sizeOf`: the length of a label along the axis. */
export function fittingTicks(
  sets: readonly (readonly number[])[],
  scale: Scale,
  sizeOf: (tick: number) => number,
  gap: number,
): readonly number[] {
  const fits = (ticks: readonly number[]): boolean =>
    ticks.every((tick, index) => {
      const next = ticks[index + 1];
      return next === undefined || Math.abs(scale.at(next) - scale.at(tick)) >= (sizeOf(tick) + sizeOf(next)) / 2 + gap;
    });
  return sets.find(fits) ?? sets.at(-1) ?? [];
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}

/** 3 · 10 ** -1 is 0.30000000000000004. */
function exact(digit: number, power: number): number {
  return Number(`${digit}e${power}`);
}
