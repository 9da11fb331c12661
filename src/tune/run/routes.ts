/** Each route by itself, before anything is swept: does it answer as it should? */

import type { Scenario, ScenarioRequest } from "../scenario/scenario.ts";
import { DEFAULT_TIMEOUT_MS } from "../load/plan.ts";
import { sendSetup } from "../load/setup.ts";
import type { Sample } from "../types.ts";
import { type Bench, runLoad } from "./measure-shape.ts";
import { refusal } from "./refusal.ts";
import { whileAlive } from "./subject.ts";

/** A few requests to a server that answers in milliseconds; one that gave no answer is waited for longer. */
const ASK_MS: readonly number[] = [100, 1000, 9000];

/** Sends a few requests of each route, one after the other. @throws HeddleError TUNE_REFUSED */
export async function askRoutes(bench: Bench, target: string): Promise<void> {
  const asked = [];
  for (const request of bench.scenario.requests) {
    asked.push({ route: labelOf(request, bench.scenario), sample: await ask(onlyRoute(bench, request)) });
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

/** The scenario with one of its routes. Setup requests stay. */
export function onlyRoute(bench: Bench, request: ScenarioRequest): Bench {
  return { ...bench, scenario: { ...bench.scenario, requests: [request] } };
}

/** Its name; with the query, where others have the same name. */
export function labelOf({ name, method, path }: ScenarioRequest, { requests }: Scenario): string {
  return requests.filter((each) => each.name === name).length === 1 ? name : `${method} ${path}`;
}

/**
 * The same after its setup requests, which are sent now and no more. What a login computes would count to each route that is measured
 * between two looks at the server.
 *
 * @throws HeddleError TUNE_SETUP_FAILED
 */
export async function afterSetup(bench: Bench): Promise<Bench> {
  const { scenario, subject, signal } = bench;
  const captured = await whileAlive(subject, signal, (ending) =>
    sendSetup(scenario.setup, subject.target, DEFAULT_TIMEOUT_MS, ending),
  );
  return { ...bench, captured };
}
