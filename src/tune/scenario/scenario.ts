/**
 * Scenarios: which requests are sent, how often, and what comes before them.
 *
 *     {
 *       "headers": { "authorization": "Bearer {{token}}" },
 *       "setup": [{ "method": "POST", "path": "/login", "body": { "user": "a" }, "capture": { "token": "json:token" } }],
 *       "requests": [
 *         { "path": "/orders", "weight": 9 },
 *         { "method": "POST", "path": "/orders", "body": { "item": 1 }, "expect": 201 }
 *       ]
 *     }
 *
 * `headers` are those of all requests. A setup request leaves out those whose values are captured only by it or later ones.
 */
import { readFile } from "node:fs/promises";
import { dirname, extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { HeddleError, messageOf } from "../../errors/errors.ts";
import { bad, objectAt, readHeaders, readRequest } from "./read-request.ts";
import type { Scenario, ScenarioRequest } from "./types.ts";

export { exportK6, type K6Options, type K6Stage } from "./k6.ts";
export { parsePath } from "./path.ts";
export type { Capture, ExpectedStatus, Scenario, ScenarioRequest } from "./types.ts";

const FIELDS = ["requests", "setup", "headers"];

/** From a JSON file, or from the default export of a module. @throws HeddleError TUNE_SCENARIO_BAD */
export async function loadScenario(file: string): Promise<Scenario> {
  const path = resolve(file);
  return readScenario(await readRaw(path), dirname(path));
}

/** `folder`: where body files are looked for. @throws HeddleError TUNE_SCENARIO_BAD */
export function readScenario(raw: unknown, folder: string = process.cwd()): Scenario {
  const { requests, setup = [], headers } = objectAt(raw, "the top", FIELDS);
  const common = readHeaders(headers, "headers");
  if (!Array.isArray(requests) || requests.length === 0)
    throw bad("requests", requests, "a list of at least one request");
  if (!Array.isArray(setup)) throw bad("setup", setup, "a list of requests");
  const captured = new Set<string>();
  const scenario = {
    setup: setup.map((each, index) => {
      const place = { name: `setup[${index}]`, folder, isSetup: true };
      const request = readRequest(each, place, complete(common, captured));
      for (const name of Object.keys(request.capture)) captured.add(name);
      return request;
    }),
    requests: requests.map((each, index) =>
      readRequest(each, { name: `requests[${index}]`, folder, isSetup: false }, common),
    ),
  };
  checkPlaceholders(scenario);
  return scenario;
}

/** The headers whose values are captured already. */
function complete(headers: Readonly<Record<string, string>>, captured: ReadonlySet<string>): Record<string, string> {
  const isComplete = ([, value]: readonly [string, string]): boolean =>
    namesIn(value).every((name) => captured.has(name));
  return Object.fromEntries(Object.entries(headers).filter(isComplete));
}

async function readRaw(path: string): Promise<unknown> {
  try {
    if (extname(path) === ".json") return JSON.parse(await readFile(path, "utf8")) as unknown;
    const module = (await import(pathToFileURL(path).href)) as { readonly default?: unknown };
    return module.default;
  } catch (cause) {
    throw new HeddleError("TUNE_SCENARIO_BAD", `The scenario file ${path} can't be read: ${messageOf(cause)}.`, {
      cause,
    });
  }
}

/** A `{{name}}` that no earlier setup request captures would be sent as it is. */
function checkPlaceholders({ requests, setup }: Scenario): void {
  const known = new Set<string>();
  for (const request of [...setup, ...requests]) {
    const { inHead, inBody } = placeholders(request);
    for (const name of [...inHead, ...inBody]) {
      if (known.has(name)) continue;
      const wanted = known.size === 0 ? "a setup request that captures it" : `one of ${[...known].join(", ")}`;
      const other = inHead.includes(name) ? "" : `, or "literalBody": true beside a body that is sent as it is`;
      throw bad(`{{${name}}} in ${request.method} ${request.path}`, undefined, `${wanted}${other}`);
    }
    for (const name of Object.keys(request.capture)) known.add(name);
  }
}

interface Placeholders {
  readonly inHead: readonly string[];
  readonly inBody: readonly string[];
}

function placeholders({ path, headers, body, literalBody = false }: ScenarioRequest): Placeholders {
  const inHead = [path, ...Object.values(headers)].flatMap(namesIn);
  return { inHead, inBody: body === undefined || literalBody ? [] : namesIn(Buffer.from(body).toString("latin1")) };
}

/** Of each `{{name}}`. */
function namesIn(text: string): string[] {
  return [...text.matchAll(/\{\{\s*([\w-]+)\s*\}\}/g)].map(([, name = ""]) => name);
}
