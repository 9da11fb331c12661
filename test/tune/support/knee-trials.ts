/** Sweeps of random closed systems with a known knee, and what `estimateKnee` says of them. */

import { isFlat } from "../../../src/tune/estimate/flat.ts";
import { estimateKnee, throughputMax } from "../../../src/tune/estimate/knee.ts";
import type { Random } from "../../../src/tune/estimate/random.ts";
import type { KneeEstimate, LevelThroughputs } from "../../../src/tune/types.ts";
import {
  type ClosedSystem,
  exactThroughputs,
  measured,
  type Noise,
  systemWithKnee,
  type Truth,
  truthOf,
} from "./closed-system.ts";

export interface Trial {
  readonly truth: Truth;
  readonly levels: readonly LevelThroughputs[];
  readonly estimate: KneeEstimate;
  readonly throughputMax: number;
}

export interface TrialOptions {
  readonly noise: Noise;
  /** @default 5 */
  readonly repetitions?: number;
  /** Each level is so many times the one before. @default 2 */
  readonly step?: number;
  /** `flat`: the sweep goes on until throughput is level. `knee`: it stops below the knee. @default "flat" */
  readonly until?: "flat" | "knee";
  /** Random knees are between these, at most 500: above it G(N) is not finite any more. @default [1, 200] */
  readonly knees?: readonly [low: number, high: number];
  /** Of the bootstrap. @default 200 */
  readonly resamples?: number;
  /** A second station, with 30 to 90 % of the first one's load. @default false */
  readonly twoStations?: boolean;
}

/** No sweep goes on for longer than to this many times the knee. */
const FAR = 16;

const SERVERS = [1, 2, 3, 4, 6, 8, 16, 32];

export function runTrial(random: Random, options: TrialOptions): Trial {
  const system = randomSystem(random, options);
  const truth = truthOf(system);
  const levels = sweep(random, system, options);
  const estimate = estimateKnee(levels, { resamples: options.resamples ?? 200 });
  return { truth, levels, estimate, throughputMax: throughputMax(levels) };
}

/** Its knee is log-uniform, its servers any number that the knee allows. */
export function randomSystem(random: Random, { knees = [1, 200], twoStations = false }: TrialOptions): ClosedSystem {
  const knee = knees[0] * (knees[1] / knees[0]) ** random();
  const possible = SERVERS.filter((servers) => servers <= knee);
  const servers = possible[Math.floor(random() * possible.length)] ?? 1;
  const system = systemWithKnee(knee, servers);
  if (!twoStations) return system;
  const others = Math.ceil(random() * 4);
  const load = 0.3 + 0.6 * random();
  const { throughputMax: most } = truthOf(system);
  return { ...system, stations: [...system.stations, { servers: others, demand: (load * others) / most }] };
}

export function sweep(random: Random, system: ClosedSystem, options: TrialOptions): LevelThroughputs[] {
  const { noise, repetitions = 5, step = 2, until = "flat" } = options;
  const { knee } = truthOf(system);
  const most = Math.ceil(FAR * knee);
  const measure = measured(exactThroughputs(system, most), noise, repetitions, random);
  const levels: LevelThroughputs[] = [];
  for (let n = 1; Math.round(n) <= most; n *= step) {
    const concurrency = Math.round(n);
    if (concurrency === levels.at(-1)?.concurrency) continue;
    if (until === "knee" && concurrency > knee) break;
    levels.push(measure(concurrency));
    if (until === "flat" && levels.length >= 4 && isFlat(levels)) break;
  }
  return levels;
}

export function covers(estimate: KneeEstimate, knee: number): boolean {
  return "value" in estimate && estimate.low <= knee * (1 + 1e-9) && knee * (1 - 1e-9) <= estimate.high;
}

/** The estimate's error as a share of the knee; undefined where there is no value. */
export function errorOf(estimate: KneeEstimate, knee: number): number | undefined {
  return "value" in estimate ? estimate.value / knee - 1 : undefined;
}
