/** Each route by itself, before anything is swept: does it answer as it should? */

import type { Scenario } from "../scenario/scenario.ts";
import { type Bench, runLoad } from "./measure-shape.ts";
import { refusal } from "./refusal.ts";

/** A handful of requests to a server that answers in milliseconds, one to a slow one. */
const ASK_MS = 100;

/** Sends a few requests of each route, one after the other. @throws HeddleError TUNE_REFUSED */
export async function askRoutes(bench: Bench, target: string): Promise<void> {
  const asked = [];
  for (const { name } of bench.scenario.requests) {
    const sample = await runLoad(onlyRoute(bench, name), { concurrency: 1 }, { warmUpMs: 0, measureMs: ASK_MS });
    asked.push({ route: name, sample });
  }
  const refused = refusal(asked, target);
  if (refused !== undefined) throw refused;
}

/** The scenario with one of its routes. Setup requests stay. */
export function onlyRoute(bench: Bench, name: string): Bench {
  const scenario: Scenario = {
    ...bench.scenario,
    requests: bench.scenario.requests.filter((request) => request.name === name),
  };
  return { ...bench, scenario };
}
