/** Each route by itself, before anything is swept: does it answer as it should? */

import { Client } from "../load/http/client.ts";
import { readyRequest } from "../load/http/ready-request.ts";
import { DEFAULT_TIMEOUT_MS } from "../load/plan.ts";
import type { Scenario, ScenarioRequest } from "../scenario/scenario.ts";
import { EXPECTED_BY_DEFAULT } from "../scenario/types.ts";
import type { Sample } from "../types.ts";
import { afterSetup, type Bench, runLoad } from "./measure-shape.ts";
import { refusal } from "./refusal.ts";
import { whileAlive } from "./subject.ts";

/** A few requests to a server that answers in milliseconds; one that gave no answer is waited for longer. */
const ASK_MS: readonly number[] = [100, 1000, 9000];

/**
 * Sends a few requests of each route, one after the other. Returns what the user should know of their answers.
 *
 * @throws HeddleError TUNE_REFUSED, TUNE_SETUP_FAILED
 */
export async function askRoutes(bench: Bench, target: string): Promise<readonly string[]> {
  const ready = await afterSetup(bench);
  const asked = [];
  for (const request of bench.scenario.requests) {
    asked.push({ route: labelOf(request, bench.scenario), sample: await ask(onlyRoute(ready, request)) });
  }
  const refused = refusal(asked, target);
  if (refused !== undefined) throw refused;
  const notes = [];
  for (const request of bench.scenario.requests) {
    const note = request.expect === EXPECTED_BY_DEFAULT ? await redirectNote(ready, request) : undefined;
    if (note !== undefined) notes.push(note);
  }
  return notes;
}

/** A redirect is a good answer, but many an app sends those to its login who have none. undefined: the answer is no redirect. */
async function redirectNote(
  { subject, scenario, captured, signal }: Bench,
  request: ScenarioRequest,
): Promise<string | undefined> {
  const client = new Client(subject.target, 0);
  const { bytes, isHead } = readyRequest(request, subject.target, captured, true);
  try {
    const answer = await whileAlive(subject, signal, () => client.request(bytes, DEFAULT_TIMEOUT_MS, isHead));
    if (!answer.complete) return undefined;
    const { response } = answer;
    const location = response.header("location");
    if (response.status < 300 || response.status > 399 || location === undefined) return undefined;
    return `${labelOf(request, scenario)} is answered ${response.status} with the location ${location.slice(0, LOCATION_CHARACTERS)}: that answer is what was measured. If it leads to a login, a scenario file (--scenario) can send one before.`;
  } finally {
    client.close();
  }
}

const LOCATION_CHARACTERS = 100;

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
