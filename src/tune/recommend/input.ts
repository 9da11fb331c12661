/** The check of what a caller hands to `recommend`: nonsense in would be a recommendation that looks like any other. */

import { settings } from "../../config/settings.ts";
import { bad, isPositive, isPositiveOrZero, isWholePositive } from "../estimate/input.ts";
import type { RouteProfile } from "../types.ts";
import type { Fixed } from "./candidates.ts";

const MODELS: readonly unknown[] = settings.model.choices ?? [];

/** @throws HeddleError TUNE_INPUT */
export function checkProfiles(profiles: readonly RouteProfile[]): void {
  if (!Array.isArray(profiles)) throw bad("profiles", profiles, "an array of what each route does");
  for (const [at, profile] of (profiles as readonly Partial<RouteProfile>[]).entries()) {
    const { route, cpuMs, waitMs, longestBlockMs, loopMs = 0, weight = 1 } = profile ?? {};
    if (typeof route !== "string") throw bad(`profiles[${at}].route`, route, "a method and a path");
    for (const [name, ms] of Object.entries({ cpuMs, waitMs, longestBlockMs, loopMs })) {
      if (!isPositiveOrZero(ms)) throw bad(`profiles[${at}].${name}`, ms, "a finite number of ms, at least 0");
    }
    if (!isPositive(weight)) throw bad(`profiles[${at}].weight`, weight, "a finite number above 0");
  }
}

/** @throws HeddleError TUNE_INPUT */
export function checkCores(cores: number): void {
  if (!isWholePositive(cores)) throw bad("cores", cores, "a whole number, at least 1");
}

/** @throws HeddleError TUNE_INPUT */
export function checkFixed({ model, models = [], workers = 1, threads = 1 }: Fixed): void {
  const wanted = `one of ${MODELS.join(", ")}`;
  if (model !== undefined && !MODELS.includes(model)) throw bad("fixed.model", model, wanted);
  const wrong = models.findIndex((each) => !MODELS.includes(each));
  if (wrong !== -1) throw bad(`fixed.models[${wrong}]`, models[wrong], wanted);
  for (const [name, value] of Object.entries({ workers, threads })) {
    if (!isWholePositive(value)) throw bad(`fixed.${name}`, value, "a whole number, at least 1");
  }
}
