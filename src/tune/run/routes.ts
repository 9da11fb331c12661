/** Each route by itself, before anything is swept: does it answer as it should? */

import type { Scenario } from "../scenario/scenario.ts";
import type { Sample } from "../types.ts";
import { type Bench, runLoad } from "./measure-shape.ts";
import { refusal } from "./refusal.ts";

/** A few requests to a server that answers in milliseconds; one that gave no answer is waited for longer. */
const ASK_MS: readonly number[] = [100, 1000, 9000];

/** Sends a few requests of each route, one after the other. @throws HeddleError TUNE_REFUSED */
export async function askRoutes(bench: Bench, target: string): Promise<void> {
  const asked = [];
  for (const { name } of bench.scenario.requests)
    asked.push({ route: name, sample: await ask(onlyRoute(bench, name)) });
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
export function onlyRoute(bench: Bench, name: string): Bench {
  const scenario: Scenario = {
    ...bench.scenario,
    requests: bench.scenario.requests.filter((request) => request.name === name),
  };
  return { ...bench, scenario };
}
