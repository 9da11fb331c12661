/**
 * The policy of a sweep: the samples so far and the time left in, the next window out. Pure, so that a test plays whole sweeps.
 *
 *     discover   up the ladder, one window a level, until throughput is flat (or an SLO is breached)
 *     repeat     until each level has its repetitions, in rounds of random order: what drifts in the machine meets all levels alike
 *     slo        a level inside the bracket of the SLO
 *     refine     two levels around the corner
 *
 * The first that applies is taken, so each new level gets its repetitions before another one is added. Medians of repetitions may
 * show that throughput still rises: the ladder goes on then. A window that had to be left out is measured again, in a later round.
 *
 * Rejected: repetitions of one level one after the other. A slow minute of the machine then looks like a knee.
 */

import type { Level, Sample } from "../types.ts";
import { bracket, frontier, type Frontier } from "./frontier.ts";
import { counted, medianThroughput, toLevels, whyUnusable } from "./levels.ts";
import { type Window, windowFor } from "./window.ts";

export interface SweepRules {
  /** Windows of each level that count. */
  readonly repetitions: number;
  /** No concurrency above this one is tried. */
  readonly largest: number;
  /** Measured time of a window at least; slow answers make it longer. */
  readonly windowMs: number;
  /** The SLO whose ceiling is sought. */
  readonly sloP95Ms?: number;
}

export type Purpose = "discover" | "repeat" | "slo" | "refine";

export type SweepEnd = "budget" | Extract<Frontier, { kind: "closed" }>["why"];

export type Step =
  | ({ readonly kind: "measure"; readonly purpose: Purpose; readonly repetition: number } & Window)
  /** `why`: what ended the ladder; `budget` if the time ended before it. */
  | { readonly kind: "end"; readonly why: SweepEnd };

/** So many levels are put around the corner; the interval of the knee does not get narrower by more. */
const MOST_REFINEMENTS = 6;

/** Levels closer to each other than this are not told apart. */
const FINEST_RATIO = 1.2;

/** How often a level is measured at most, beyond its repetitions, because windows were left out. */
const EXTRA_ATTEMPTS = 3;

/** How often the neighbours of a level that was added later are measured again. */
const AGAIN_BESIDE = 2;

export function nextStep(
  samples: readonly Sample[],
  leftMs: number,
  rules: SweepRules,
  random: () => number = Math.random,
): Step {
  const levels = toLevels(samples);
  const edge = frontier(levels, rules.largest);
  const why = edge.kind === "open" ? "budget" : edge.why;
  const wanted = wish(levels, edge, rules, random);
  if (wanted === undefined) return { kind: "end", why };
  const window = windowFor(wanted.concurrency, levels, rules.windowMs);
  // A new level inside of the ladder is begun only if there is time for its repetitions, and for those of its neighbours.
  const windows = wanted.isExtra === true ? rules.repetitions + 2 * AGAIN_BESIDE : 1;
  if (windows * (window.warmUpMs + window.measureMs) > leftMs) return { kind: "end", why };
  const spare = wanted.purpose === "discover" ? window : stretch(window, levels, leftMs, rules);
  const repetition = samples.filter(({ concurrency }) => concurrency === wanted.concurrency).length;
  return { kind: "measure", purpose: wanted.purpose, repetition, ...spare };
}

interface Wish {
  readonly purpose: Purpose;
  readonly concurrency: number;
  /** A level that the ladder does not need. */
  readonly isExtra?: true;
}

function wish(levels: readonly Level[], edge: Frontier, rules: SweepRules, random: () => number): Wish | undefined {
  if (edge.kind === "open") return { purpose: "discover", concurrency: edge.next };
  const beyond = edge.why === "flat" ? beyondTheKnee(levels, rules) : undefined;
  if (beyond !== undefined) return { purpose: "slo", concurrency: beyond };
  const repeated = nextOfRound(levels, rules, random);
  if (repeated !== undefined) return { purpose: "repeat", concurrency: repeated.concurrency };
  const probe = insideBracket(levels, rules);
  if (probe !== undefined) return { purpose: "slo", concurrency: probe, isExtra: true };
  const finer = refinement(levels);
  return finer === undefined ? undefined : { purpose: "refine", concurrency: finer, isExtra: true };
}

/** Throughput is flat, but no level breaches the SLO yet: the bracket goes up exponentially. */
function beyondTheKnee(levels: readonly Level[], { sloP95Ms, largest }: SweepRules): number | undefined {
  if (sloP95Ms === undefined || bracket(levels, sloP95Ms).breaches !== undefined) return undefined;
  const last = levels.at(-1)?.concurrency ?? largest;
  return last >= largest ? undefined : Math.min(largest, last * 2);
}

function insideBracket(levels: readonly Level[], { sloP95Ms }: SweepRules): number | undefined {
  if (sloP95Ms === undefined) return undefined;
  const { meets, breaches } = bracket(levels, sloP95Ms);
  return breaches === undefined || meets === 0 ? undefined : between(meets, breaches);
}

/**
 * On the ladder: one of those with the fewest windows, so that each round has every level once. A level that was added later is mixed
 * with its neighbours, which are measured again: the machine may be another one by then.
 */
function nextOfRound(levels: readonly Level[], rules: SweepRules, random: () => number): Level | undefined {
  const lacking = levels
    .map((level) => ({ level, windows: missing(level, levels, rules) }))
    .filter(({ windows }) => windows > 0);
  const isLater = lacking.some(({ level }) => !isRung(level.concurrency));
  const fewest = Math.min(...lacking.map(({ level }) => level.samples.length));
  const round = isLater
    ? lacking.flatMap(({ level, windows }) => Array.from({ length: windows }, () => level))
    : lacking.flatMap(({ level }) => (level.samples.length === fewest ? [level] : []));
  return round[Math.floor(random() * round.length)];
}

/** How many windows the level still needs. 0 too if more of them would be left out again. */
function missing(level: Level, levels: readonly Level[], { repetitions }: SweepRules): number {
  const { concurrency, samples } = level;
  const reason = whyUnusable(level);
  if ((reason === "errors" || reason === "generator") && samples.length >= 2) return 0;
  const at = levels.indexOf(level);
  const isBesideLater = [levels[at - 1], levels[at + 1]].some(
    (other) => other !== undefined && !isRung(other.concurrency) && isRung(concurrency),
  );
  const wanted = repetitions + (isBesideLater ? AGAIN_BESIDE : 0);
  return Math.max(0, Math.min(wanted - counted(level).length, wanted + EXTRA_ATTEMPTS - samples.length));
}

/** A level of the ladder: a power of two. */
function isRung(concurrency: number): boolean {
  return Number.isInteger(Math.log2(concurrency));
}

/** The next level around the corner: where N clients at the speed of one client would reach the highest throughput. */
function refinement(levels: readonly Level[]): number | undefined {
  if (levels.filter(({ concurrency }) => !isRung(concurrency)).length >= MOST_REFINEMENTS) return undefined;
  const usable = levels.filter((level) => counted(level).length > 0);
  const [first] = usable;
  const slope = first === undefined ? undefined : medianThroughput(first)! / first.concurrency;
  if (slope === undefined || slope === 0) return undefined;
  const corner = Math.max(...usable.map((level) => medianThroughput(level)!)) / slope;
  const gaps = usable.slice(1).flatMap(({ concurrency: high }, i) => {
    const low = usable[i]!.concurrency;
    const middle = between(low, high);
    // The corner is estimated roughly: the gaps beside its own are of use too.
    const isNear = low / 2 <= corner && corner <= high * 2;
    return middle === undefined || !isNear ? [] : [{ middle, distance: Math.abs(Math.log(middle / corner)) }];
  });
  return gaps.sort((a, b) => a.distance - b.distance)[0]?.middle;
}

function between(low: number, high: number): number | undefined {
  const middle = Math.round(Math.sqrt(low * high));
  return high / low < FINEST_RATIO || middle <= low || middle >= high ? undefined : middle;
}

/** Uses time that is left after all repetitions for longer windows: they have less noise. */
function stretch(window: Window, levels: readonly Level[], leftMs: number, rules: SweepRules): Window {
  const needed = levels.reduce((sum, level) => {
    const { warmUpMs, measureMs } = windowFor(level.concurrency, levels, rules.windowMs);
    return sum + (warmUpMs + measureMs) * Math.max(0, rules.repetitions - counted(level).length);
  }, 0);
  const factor = Math.min(STRETCH_MOST, (leftMs * STRETCH_SHARE) / Math.max(needed, 1));
  return factor <= 1 ? window : { ...window, measureMs: Math.round(window.measureMs * factor) };
}

/** The rest is for levels around the corner. */
const STRETCH_SHARE = 0.6;
const STRETCH_MOST = 2;
