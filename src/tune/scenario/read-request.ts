/** One request of a scenario file, checked. An error names the place in the file. */
import { inspect } from "node:util";
import { nearest } from "../../config/nearest.ts";
import { HeddleError } from "../../errors/errors.ts";
import { parseMethodAndPath, parsePath, readBodyFile } from "./path.ts";
import { type Capture, EXPECTED_BY_DEFAULT, type ExpectedStatus, type ScenarioRequest } from "./types.ts";

const FIELDS = ["name", "method", "path", "weight", "headers", "body", "bodyFile", "literalBody", "expect", "capture"];
/** The only status below 200 that ends an answer: that of a WebSocket's handshake. */
const SWITCHING_PROTOCOLS = 101;
const CLASSES: readonly unknown[] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

export interface Place {
  /** Such as `requests[0]`. */
  readonly name: string;
  /** Of the scenario file. */
  readonly folder: string;
  readonly isSetup: boolean;
}

/** `common`: headers of every request of the file. @throws HeddleError TUNE_SCENARIO_BAD */
export function readRequest(raw: unknown, place: Place, common: Readonly<Record<string, string>>): ScenarioRequest {
  const fields = typeof raw === "string" ? { path: raw } : objectAt(raw, place.name, FIELDS);
  const { path } = fields;
  if (typeof path !== "string") throw bad(`${place.name}.path`, path, "a path such as /orders");
  const method = fields["method"];
  if (method !== undefined && typeof method !== "string")
    throw bad(`${place.name}.method`, method, "a method such as POST");
  const parsed = method === undefined ? parsePath(path, place.folder) : parseMethodAndPath(method, path);
  const { body, type } = readBody(fields, place);
  const types = type === undefined ? {} : { "content-type": type };
  return {
    ...parsed,
    name: readName(fields["name"], place) ?? parsed.name,
    weight: readWeight(fields["weight"], place),
    headers: { ...parsed.headers, ...types, ...common, ...readHeaders(fields["headers"], `${place.name}.headers`) },
    ...(body === undefined ? {} : { body }),
    ...readLiteral(fields["literalBody"], place),
    expect: readExpect(fields["expect"], place),
    capture: readCaptures(fields["capture"], place),
  };
}

function readName(raw: unknown, place: Place): string | undefined {
  if (raw === undefined || (typeof raw === "string" && raw !== "")) return raw;
  throw bad(`${place.name}.name`, raw, "a text");
}

function readWeight(raw: unknown, place: Place): number {
  if (raw === undefined) return 1;
  if (typeof raw === "number" && Number.isFinite(raw) && raw > 0) return raw;
  throw bad(`${place.name}.weight`, raw, "a number above 0");
}

function readBody(fields: Readonly<Record<string, unknown>>, place: Place): { body?: Uint8Array; type?: string } {
  const { body, bodyFile } = fields;
  if (bodyFile !== undefined) {
    if (typeof bodyFile !== "string" || body !== undefined) {
      throw bad(`${place.name}.bodyFile`, bodyFile, "the path of a file, and no body beside it");
    }
    return readBodyFile(bodyFile, place.folder);
  }
  if (body === undefined) return {};
  if (body instanceof Uint8Array) return { body, type: "application/octet-stream" };
  if (typeof body === "string") return { body: Buffer.from(body), type: "text/plain; charset=utf-8" };
  return { body: Buffer.from(JSON.stringify(body)), type: "application/json" };
}

function readLiteral(raw: unknown, place: Place): { literalBody?: boolean } {
  if (raw === undefined) return {};
  if (typeof raw === "boolean") return { literalBody: raw };
  throw bad(`${place.name}.literalBody`, raw, "true, if the body is to be sent as it is, or false");
}

/** Names in lower case, as the defaults are, so that each header is there once. @throws HeddleError TUNE_SCENARIO_BAD */
export function readHeaders(raw: unknown, place: string): Record<string, string> {
  if (raw === undefined) return {};
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(objectAt(raw, place))) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw bad(place, name, "names of headers");
    if (typeof value !== "string" || /[\r\n\0]/.test(value)) throw bad(`${place}.${name}`, value, "a text in one line");
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

function readExpect(raw: unknown, place: Place): readonly ExpectedStatus[] {
  if (raw === undefined) return EXPECTED_BY_DEFAULT;
  const each = Array.isArray(raw) ? (raw as unknown[]) : [raw];
  const isStatus = (status: unknown): boolean =>
    CLASSES.includes(status) ||
    status === SWITCHING_PROTOCOLS ||
    (Number.isInteger(status) && Number(status) >= 200 && Number(status) <= 599);
  if (each.length > 0 && each.every(isStatus)) return each as ExpectedStatus[];
  throw bad(`${place.name}.expect`, raw, `a status such as 200, a class such as "2xx", or a list of these`);
}

function readCaptures(raw: unknown, place: Place): Record<string, Capture> {
  if (raw === undefined) return {};
  if (!place.isSetup) throw bad(`${place.name}.capture`, raw, "captures in setup requests only");
  const captures = Object.entries(objectAt(raw, `${place.name}.capture`));
  return Object.fromEntries(captures.map(([name, from]) => [name, readCapture(from, `${place.name}.capture.${name}`)]));
}

function readCapture(raw: unknown, place: string): Capture {
  const [, kind, from] = typeof raw === "string" ? (/^(json|header|cookie):(.+)$/.exec(raw) ?? []) : [];
  if (kind === "json" && from !== undefined) return { json: from };
  if (kind === "header" && from !== undefined) return { header: from };
  if (kind === "cookie" && from !== undefined) return { cookie: from };
  throw bad(place, raw, `"json:path.to.value", "header:name" or "cookie:name"`);
}

/** @throws HeddleError TUNE_SCENARIO_BAD */
export function objectAt(raw: unknown, place: string, known?: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) throw bad(place, raw, "an object");
  const unknown = known === undefined ? undefined : Object.keys(raw).find((name) => !known.includes(name));
  if (known !== undefined && unknown !== undefined) {
    const near = nearest(unknown, known);
    const wanted = near === undefined ? `one of ${known.join(", ")}` : `${near}, or another of ${known.join(", ")}`;
    throw bad(`${place}.${unknown}`, unknown, wanted);
  }
  return raw as Record<string, unknown>;
}

export function bad(place: string, got: unknown, wanted: string): HeddleError {
  const shown = got === undefined ? "nothing" : inspect(got, { breakLength: Infinity });
  return new HeddleError("TUNE_SCENARIO_BAD", `${place} of the scenario is ${shown.slice(0, 200)}: wanted ${wanted}.`);
}
