/** Each route by itself, before anything is swept: does it answer as it should? */

import type { Scenario, ScenarioRequest } from "../scenario/scenario.ts";
import type { Sample } from "../types.ts";
import { afterSetup, type Bench, runLoad } from "./measure-shape.ts";
import { refusal } from "./refusal.ts";

/** A few requests to a server that answers in milliseconds; one that gave no answer is waited for longer. */
const ASK_MS: readonly number[] = [100, 1000, 9000];

/** Sends a few requests of each route, one after the other. @throws HeddleError TUNE_REFUSED, TUNE_SETUP_FAILED */
export async function askRoutes(bench: Bench, target: string): Promise<void> {
  const ready = await afterSetup(bench);
  const asked = [];
  for (const request of bench.scenario.requests) {
    asked.push({ route: labelOf(request, bench.scenario), sample: await ask(onlyRoute(ready, request)) });
  }
  const refused = refusal(asked, target);
  if (refused !== undefined) throw refused;
}

async function ask(bench: Bench): Promise<Sample> {
  for (const measureMs of ASK_MS.slice(0, -1)) {
    const sample = await runLoad(bench, { concurrency: 1 }, { warmUpMs: 0, measureMs });
    if (sample.answers + sample.errors > 0) return sample;
  }
  return await runLoad(bench, { concurrency: 1 }, { warmUpMs: 0, measureMs: ASK_MS.at(-1)! });
}

/** The scenario with one of its routes. */
export function onlyRoute(bench: Bench, request: ScenarioRequest): Bench {
  return { ...bench, scenario: { ...bench.scenario, requests: [request] } };
}

/** Its name; with the query, where others have the same name. */
export function labelOf({ name, method, path }: ScenarioRequest, { requests }: Scenario): string {
  return requests.filter((each) => each.name === name).length === 1 ? name : `${method} ${path}`;
}
