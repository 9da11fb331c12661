/**
 * The trials that every limiter has to stand, in the simulator: overload for a minute and back, an abrupt change of the cost in both
 * directions, hours of overload. Their numbers are relative to what is known of the system: its most answers a second, and the p95 of a
 * closed loop with as many clients as its knee.
 */
import { percentile } from "../harness/ratios.ts";
import { type MakeLimiter, kneeOf, mostOf, type Second, simulate, type System } from "./simulator.ts";

export interface Overload {
  /** Share of the most answers a second. */
  readonly goodput: number;
  /** The p95 of the accepted requests by the p95 at the knee. */
  readonly p95: number;
  /** Seconds after the overload until 99 % are answered again, as fast as before or within twice the p95 at the knee. */
  readonly recoveredAfter: number;
}

const CALM_SECONDS = 10;
const OVERLOAD_SECONDS = 60;
const CALM_LOAD = 0.7;

/** `times` the most answers a second come for a minute, and 0.7 times before and after. */
export function overload(system: System, make: MakeLimiter, times: number, seed: number = 1): Overload {
  const most = mostOf(system);
  const endsMs = (CALM_SECONDS + OVERLOAD_SECONDS) * 1000;
  const seconds = simulate({
    system,
    limiter: make(tuned(system)),
    rate: (atMs) => most * (atMs < CALM_SECONDS * 1000 || atMs >= endsMs ? CALM_LOAD : times),
    seconds: endsMs / 1000 + 20,
    seed,
  });
  const loaded = seconds.slice(CALM_SECONDS, CALM_SECONDS + OVERLOAD_SECONDS);
  const p95AtKneeMs = p95AtKnee(system);
  // With a knee of 1, requests queue at any load.
  const calmMs = Math.max(2 * p95AtKneeMs, 1.5 * p95Of(seconds.slice(2, CALM_SECONDS)));
  return {
    goodput: perSecond(loaded) / most,
    p95: p95Of(loaded) / p95AtKneeMs,
    recoveredAfter: firstGood(
      seconds.slice(CALM_SECONDS + OVERLOAD_SECONDS),
      (some) => shedShare(some) <= 0.01 && p95Of(some) <= calmMs,
    ),
  };
}

export interface Change {
  /** Seconds until 90 % of the most answers come, within twice the p95 at the new knee. */
  readonly followedUpAfter: number;
  readonly followedDownAfter: number;
}

const PHASE_SECONDS = 40;

/** Twice the most answers come, the cost is three times as high for 40 seconds, and as before then. */
export function change(system: System, make: MakeLimiter, seed: number = 1): Change {
  const most = mostOf(system);
  const isDear = (atMs: number): boolean => atMs >= PHASE_SECONDS * 1000 && atMs < 2 * PHASE_SECONDS * 1000;
  const seconds = simulate({
    system,
    limiter: make(tuned(system)),
    rate: () => 2 * most,
    cost: (atMs) => (isDear(atMs) ? 3 : 1),
    seconds: 3 * PHASE_SECONDS,
    seed,
  });
  const dear = { ...system, holdMs: 3 * system.holdMs };
  const followed = (from: number, as: System): number => {
    const p95AtKneeMs = p95AtKnee(as);
    return firstGood(
      seconds.slice(from, from + PHASE_SECONDS),
      (some) => perSecond(some) >= 0.9 * mostOf(as) && p95Of(some) <= 2 * p95AtKneeMs,
    );
  };
  return { followedUpAfter: followed(PHASE_SECONDS, dear), followedDownAfter: followed(2 * PHASE_SECONDS, system) };
}

export interface Drift {
  /** The largest limit of the last half, by the knee. */
  readonly largest: number;
  /** The mean limit of the last tenth by that of the second tenth. */
  readonly growth: number;
  /** The baseline at the end by the time of a request that waits for nothing. */
  readonly baseline: number;
  readonly goodput: number;
}

/** Hours of overload without bounds from a knee that was measured before. */
export function drift(system: System, make: MakeLimiter, times: number, hours: number, seed: number = 1): Drift {
  const most = mostOf(system);
  const seconds = simulate({
    system,
    limiter: make({ seed: 16, max: 16_384 }),
    rate: () => times * most,
    seconds: hours * 3600,
    seed,
  });
  const tenth = seconds.length / 10;
  const mean = (some: readonly Second[]): number => some.reduce((sum, { limit }) => sum + limit, 0) / some.length;
  return {
    largest: Math.max(...seconds.slice(seconds.length / 2).map(({ limit }) => limit)) / kneeOf(system),
    growth: mean(seconds.slice(-tenth)) / mean(seconds.slice(tenth, 2 * tenth)),
    baseline: (seconds.at(-1)?.baselineMs ?? 0) / (system.holdMs + system.waitMs),
    goodput: perSecond(seconds.slice(60)) / most,
  };
}

/** What `heddle tune --write` gives the server. */
function tuned(system: System): { readonly seed: number; readonly max: number } {
  const seed = Math.max(1, Math.round(kneeOf(system)));
  return { seed, max: 2 * seed };
}

const known = new Map<string, number>();

export function p95AtKnee(system: System): number {
  const key = JSON.stringify(system);
  const found = known.get(key);
  if (found !== undefined) return found;
  const clients = tuned(system).seed;
  const seconds = simulate({ system, limiter: undefined, rate: () => 0, clients, seconds: 65 }).slice(5);
  const p95Ms = p95Of(seconds);
  known.set(key, p95Ms);
  return p95Ms;
}

function p95Of(seconds: readonly Second[]): number {
  return percentile(
    seconds.flatMap(({ latencies }) => latencies),
    0.95,
  );
}

function perSecond(seconds: readonly Second[]): number {
  return seconds.reduce((sum, { good }) => sum + good, 0) / seconds.length;
}

function shedShare(seconds: readonly Second[]): number {
  const shed = seconds.reduce((sum, each) => sum + each.shed, 0);
  return shed / (shed + seconds.length * perSecond(seconds));
}

/** After how many seconds the next three are good. Infinity: never. */
function firstGood(seconds: readonly Second[], isGood: (some: readonly Second[]) => boolean): number {
  for (let at = 0; at + 3 <= seconds.length; at++) if (isGood(seconds.slice(at, at + 3))) return at;
  return Infinity;
}
