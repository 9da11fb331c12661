/** Sends the setup requests of a scenario, one after the other, and captures the values that later requests use. */
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import { HeddleError } from "../../errors/errors.ts";
import { type Capture, isExpected, JSON_ROOT, type ScenarioRequest } from "../scenario/types.ts";
import { Client } from "./http/client.ts";
import type { Target } from "./http/connection.ts";
import { readyRequest } from "./http/ready-request.ts";
import type { ResponseParser } from "./http/response-parser.ts";

/** More than any token or list of ids needs. */
const KEPT_BYTES = 1024 * 1024;
const MOST_DECODED_BYTES = 16 * KEPT_BYTES;

export async function sendSetup(
  setup: readonly ScenarioRequest[],
  target: Target,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const captured: Record<string, string> = {};
  for (const request of setup) {
    const response = await exchange(request, target, captured, timeoutMs, signal);
    if (!isExpected(response.status, request.expect)) {
      throw refused(request, `was answered ${response.status}: ${textOf(bodyOf(response)).slice(0, 200)}`);
    }
    for (const [name, from] of Object.entries(request.capture)) {
      const value = valueOf(from, response);
      if (value === undefined)
        throw refused(request, `has no ${describe(from)} in its answer, which is captured as ${name}`);
      captured[name] = value;
    }
  }
  return captured;
}

async function exchange(
  request: ScenarioRequest,
  target: Target,
  captured: Readonly<Record<string, string>>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ResponseParser> {
  signal.throwIfAborted();
  const { bytes, isHead } = readyRequest(request, target, captured, true);
  const client = new Client(target, KEPT_BYTES);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const answer = await Promise.race([client.request(bytes, timeoutMs, isHead), aborted]);
    if (!answer.complete) throw refused(request, `failed: ${answer.failure} (${answer.detail})`);
    return answer.response;
  } finally {
    signal.removeEventListener("abort", onAbort);
    client.close();
  }
}

function refused(request: ScenarioRequest, what: string): HeddleError {
  return new HeddleError("TUNE_SETUP_FAILED", `The setup request ${request.method} ${request.path} ${what}.`);
}

function describe(from: Capture): string {
  if ("json" in from) return `JSON value ${from.json}`;
  return "header" in from ? `header ${from.header}` : `cookie ${from.cookie}`;
}

function valueOf(from: Capture, response: ResponseParser): string | undefined {
  if ("json" in from) return jsonValue(bodyOf(response), from.json);
  if ("header" in from) return textOf(response.header(from.header));
  const cookies = response.headers
    .filter(([name]) => name === "set-cookie")
    .map(([, value]) => value.split(";", 1)[0]!.trim());
  // RFC 6265 §5.3: a later one takes the place of an earlier one, such as of one that ends the old session.
  return textOf(cookies.findLast((cookie) => cookie.startsWith(`${from.cookie}=`))?.slice(from.cookie.length + 1));
}

/** A scenario may send its `accept-encoding` with each request. */
type Decode = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Buffer;

const DECODERS: Readonly<Record<string, Decode>> = {
  gzip: gunzipSync,
  "x-gzip": gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
};

/** Its bytes as characters, without the coding in which it was sent. One that can't be decoded is as it was sent. */
function bodyOf(response: ResponseParser): string {
  const decode = DECODERS[response.header("content-encoding")?.toLowerCase() ?? ""];
  if (decode === undefined) return response.body;
  try {
    return decode(Buffer.from(response.body, "latin1"), { maxOutputLength: MOST_DECODED_BYTES }).toString("latin1");
  } catch {
    return response.body;
  }
}

/** Of a header, whose characters are bytes. */
function textOf(bytes: string): string;
function textOf(bytes: string | undefined): string | undefined;
function textOf(bytes: string | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes, "latin1").toString();
}

/** `path`: names and indexes, `data.items[0].id`; a leading `$.` is allowed. undefined: no such value, or no JSON. */
export function jsonValue(body: string, path: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body, "latin1").toString("utf8"));
  } catch {
    return undefined;
  }
  for (const key of path.replace(JSON_ROOT, "").match(/[^.[\]]+/g) ?? []) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  if (value === undefined || value === null) return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}
