/**
 * Writes a scenario as a script for k6 (https://k6.io), for load that needs more than one machine: the same requests with the same
 * weights, headers, bodies, expected statuses and captured values, in stages one after the other.
 *
 * What differs: a client of k6's picks requests at random with their weights, where heddle deals exact shares, and an open loop's
 * latency counts from the send (k6 drops an arrival for which it has no client).
 */
import { isUtf8 } from "node:buffer";
import type { Loop } from "../load/plan.ts";
import { type Capture, type ExpectedStatus, JSON_ROOT, type Scenario, type ScenarioRequest } from "./types.ts";

export type K6Stage = Loop & { readonly seconds: number };

export interface K6Options {
  /** Where the server is, if `BASE_URL` is not set: such as `http://127.0.0.1:8000`. */
  readonly baseUrl: string;
  /** Whether each request gets a connection of its own. Default: keep-alive. */
  readonly connections?: "keep-alive" | "per-request";
}

/** k6 starts so many clients for an open loop before it begins. More are started while it runs. */
const PREALLOCATED_CLIENTS = 100;
const DEFAULT_MAX_CLIENTS = 10_000;

/** The script's text. `stages`: at least one. */
export function exportK6(scenario: Scenario, stages: readonly K6Stage[], options: K6Options): string {
  const k6Options = {
    scenarios: scenariosOf(stages),
    discardResponseBodies: true,
    noConnectionReuse: options.connections === "per-request",
    summaryTrendStats: ["avg", "min", "med", "p(95)", "p(99)", "max"],
  };
  return [
    "// Written by heddle. Run it with: k6 run -e BASE_URL=http://host:port script.js",
    `import { check } from "k6";`,
    `import { b64decode } from "k6/encoding";`,
    `import http from "k6/http";`,
    "",
    `const baseUrl = __ENV.BASE_URL || ${JSON.stringify(options.baseUrl)};`,
    "",
    `export const options = ${JSON.stringify(k6Options, undefined, 2)};`,
    "",
    `const setupRequests = ${listOf(scenario.setup)};`,
    "",
    `const requests = ${listOf(scenario.requests)};`,
    "",
    RUNTIME,
  ].join("\n");
}

function scenariosOf(stages: readonly K6Stage[]): Record<string, unknown> {
  const scenarios: Record<string, unknown> = {};
  let startSeconds = 0;
  for (const [index, { seconds, ...loop }] of stages.entries()) {
    const times = { startTime: `${startSeconds}s`, duration: `${seconds}s`, gracefulStop: "30s" };
    const name = `stage_${index + 1}_${"concurrency" in loop ? `${loop.concurrency}_clients` : `${loop.rate}_per_second`}`;
    scenarios[name.replaceAll(/\W/g, "_")] = { ...executorOf(loop), ...times };
    startSeconds += seconds;
  }
  return scenarios;
}

function executorOf(loop: Loop): Record<string, unknown> {
  if ("concurrency" in loop) return { executor: "constant-vus", vus: loop.concurrency };
  // k6 takes whole arrivals in a unit of time.
  const perUnit = Number.isInteger(loop.rate)
    ? { rate: loop.rate, timeUnit: "1s" }
    : { rate: Math.round(loop.rate * 60), timeUnit: "1m" };
  const maxVUs = loop.maxConnections ?? DEFAULT_MAX_CLIENTS;
  return {
    executor: "constant-arrival-rate",
    ...perUnit,
    preAllocatedVUs: Math.min(PREALLOCATED_CLIENTS, maxVUs),
    maxVUs,
  };
}

function listOf(requests: readonly ScenarioRequest[]): string {
  if (requests.length === 0) return "[]";
  return `[\n${requests.map((request) => `  ${objectOf(request)},\n`).join("")}]`;
}

function objectOf({
  name,
  method,
  path,
  weight,
  headers,
  body,
  literalBody,
  expect,
  capture,
}: ScenarioRequest): string {
  const data = { name, method, path, weight, headers, expect: expect.map(statusOf) };
  const captures = Object.entries(capture).map(([key, from]) => [key, captureOf(from)] as const);
  const fields = Object.entries(captures.length === 0 ? data : { ...data, capture: Object.fromEntries(captures) });
  const texts = fields.map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  if (body !== undefined) texts.push(`body: ${bodyOf(body)}`);
  if (literalBody === true) texts.push("literalBody: true");
  return `{ ${texts.join(", ")} }`;
}

/** k6 wants a range as an object. */
function statusOf(status: ExpectedStatus): unknown {
  if (typeof status === "number") return status;
  const first = Number(status[0]) * 100;
  return { min: first, max: first + 99 };
}

/** k6 reads JSON by paths of GJSON: an index follows a dot, and some characters of a name stand for more than themselves. */
function captureOf(from: Capture): Capture {
  if (!("json" in from)) return from;
  const names = from.json.replace(JSON_ROOT, "").match(/[^.[\]]+/g) ?? [];
  return { json: names.map((name) => name.replaceAll(/[\\*?|#@!{}()]/g, "\\$&")).join(".") };
}

function bodyOf(body: Uint8Array): string {
  if (isUtf8(body)) return JSON.stringify(Buffer.from(body).toString("utf8"));
  return `b64decode(${JSON.stringify(Buffer.from(body).toString("base64"))})`;
}

const RUNTIME = `const totalWeight = requests.reduce((sum, { weight }) => sum + weight, 0);

export function setup() {
  const captured = {};
  for (const request of setupRequests) {
    const response = send(request, captured, "text");
    if (!isExpected(request, response)) throw new Error(\`\${request.name} was answered \${response.status}\`);
    for (const [name, from] of Object.entries(request.capture || {})) {
      const value = valueOf(from, response);
      if (value === undefined || value === null) {
        throw new Error(\`\${request.name} has nothing to capture as \${name}: \${JSON.stringify(from)}\`);
      }
      captured[name] = typeof value === "object" ? JSON.stringify(value) : String(value);
    }
  }
  return captured;
}

export default function (captured) {
  const request = pick();
  const response = send(request, captured, "none");
  check(response, { "expected status": () => isExpected(request, response) });
}

function pick() {
  let left = Math.random() * totalWeight;
  for (const request of requests) {
    left -= request.weight;
    if (left < 0) return request;
  }
  return requests[requests.length - 1];
}

function send(request, captured, responseType) {
  const headers = {};
  for (const [name, value] of Object.entries(request.headers)) headers[name] = fill(value, captured);
  const isFilled = typeof request.body === "string" && !request.literalBody;
  const body = isFilled ? fill(request.body, captured) : request.body;
  return http.request(request.method, baseUrl + fill(request.path, captured), body === undefined ? null : body, {
    headers,
    redirects: 0,
    responseType,
    responseCallback: http.expectedStatuses(...request.expect),
    tags: { name: request.name },
  });
}

function isExpected({ expect }, { status }) {
  return expect.some((each) => (typeof each === "number" ? each === status : each.min <= status && status <= each.max));
}

function fill(text, captured) {
  return text.replace(/\\{\\{\\s*([\\w-]+)\\s*\\}\\}/g, (placeholder, name) => has(captured, name) ? captured[name] : placeholder);
}

function has(captured, name) {
  return Object.prototype.hasOwnProperty.call(captured, name);
}

function valueOf(from, response) {
  if (from.json !== undefined) return from.json === "" ? response.json() : response.json(from.json);
  if (from.cookie !== undefined) {
    const cookies = response.cookies[from.cookie] || [];
    return cookies.length === 0 ? undefined : cookies[cookies.length - 1].value;
  }
  const name = Object.keys(response.headers).find((each) => each.toLowerCase() === from.header.toLowerCase());
  return response.headers[name];
}
`;
