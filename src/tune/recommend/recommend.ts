/**
 * The recommended shape, from profiles and measurements. Pure.
 *
 *   profile → kind of the app (kind.ts) → candidates (candidates.ts) → measured → the best of them (choose.ts) → why (why.ts)
 *
 * It is never better than what was measured. Without a measurement that counts it is the first candidate, and `why` says so.
 */

import type { Recommendation, RouteProfile, ShapeResult } from "../types.ts";
import { candidates, type Fixed } from "./candidates.ts";
import { choose } from "./choose.ts";
import { checkCores, checkFixed, checkProfiles } from "./input.ts";
import { mixOf } from "./kind.ts";
import { classicRules } from "./sizing.ts";
import { whyOf } from "./why.ts";

/**
 * `results` in the order of the candidates; one shape at least. `cores`: those that the server could use when it was measured.
 * `fixed`: what the user has decided. @throws HeddleError TUNE_INPUT
 */
export function recommend(
  profiles: readonly RouteProfile[],
  results: readonly ShapeResult[],
  cores: number,
  fixed: Fixed = {},
): Recommendation {
  checkProfiles(profiles);
  checkCores(cores);
  checkFixed(fixed);
  const mix = mixOf(profiles);
  const choice = choose(results);
  const shape = choice?.chosen.shape ??
    candidates(profiles, cores, fixed)[0] ?? { model: "loop", workers: cores, threads: 1 };
  return {
    ...shape,
    why: whyOf({ shape, mix, choice, hasErrors: results.some(isAnswering), cores, isFixed: fixed.model !== undefined }),
    // Without a profile nothing is known to wait.
    classic: classicRules(cores, mix?.cpuMs ?? 1, mix?.waitMs ?? 0),
  };
}

function isAnswering({ throughputMax }: ShapeResult): boolean {
  return throughputMax > 0;
}
