/** `heddle tune export k6`: the requests of a tune as a script for k6, for load that takes more than one machine. */

import { nearest } from "../config/config.ts";
import { HeddleError } from "../errors/errors.ts";
import type { TuneOptions } from "../tune/run/options.ts";
import { exportK6 } from "../tune/scenario/k6.ts";
import type { Scenario } from "../tune/scenario/scenario.ts";

const FORMATS = ["k6"];

/** The ladder of a sweep, as far as one k6 of one machine goes. */
const LEVELS: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

const LEAST_STAGE_SECONDS = 5;

/** The script. `what`: the words behind `export`. @throws HeddleError CLI_USAGE */
export function exportScenario(what: readonly string[], scenario: Scenario, { url, budgetMs }: TuneOptions): string {
  const [format] = what;
  if (what.length !== 1 || format !== "k6") {
    const guess = nearest(format ?? "", FORMATS);
    const got = what.length === 0 ? "nothing" : what.join(" ");
    const hint = guess === undefined || what.length > 1 ? "" : `; did you mean ${guess}?`;
    throw new HeddleError("CLI_USAGE", `heddle tune export: got ${got}; expected k6${hint}`);
  }
  const seconds = Math.max(LEAST_STAGE_SECONDS, Math.round(budgetMs / 1000 / LEVELS.length));
  const stages = LEVELS.map((concurrency) => ({ concurrency, seconds }));
  return exportK6(scenario, stages, { baseUrl: url ?? "http://127.0.0.1:8000" });
}
