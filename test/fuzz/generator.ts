/**
 * Random scripts: mostly valid requests, some nearly valid, cut, pipelined and ended in all ways. The simplest option comes
 * first in each choice, because fast-check shrinks towards it.
 */

import {
  type Arbitrary,
  array,
  boolean,
  constant,
  constantFrom,
  integer,
  oneof,
  option,
  record,
  tuple,
  uniqueArray,
} from "fast-check";
import { type FaultName, faultOf, faults } from "./faults.ts";
import { type Feature, tame } from "./features.ts";
import { BODY_BYTES, REQUESTS } from "./limits.ts";
import type { BodySpec, Cut, End, RequestSpec, Route, Script } from "./script.ts";

const share: Arbitrary<number> = integer({ min: 0, max: 999 }).map((thousandths) => thousandths / 1000);

const cuts: Arbitrary<readonly Cut[]> = oneof(
  { weight: 5, arbitrary: constant([]) },
  {
    weight: 4,
    arbitrary: array(record({ at: share, pauseMs: constantFrom(0, 0, 0, 1, 5) }), { minLength: 1, maxLength: 6 }),
  },
);

/** Sizes around which something changes: a packet, a stream's buffer, the limit. */
const bodyBytes: Arbitrary<number> = oneof(
  { weight: 6, arbitrary: integer({ min: 0, max: 40 }) },
  { weight: 4, arbitrary: integer({ min: 41, max: 20_000 }) },
  { weight: 2, arbitrary: constantFrom(16_384, 65_535, 65_536, 65_537, BODY_BYTES - 1, BODY_BYTES) },
  { weight: 2, arbitrary: integer({ min: 20_000, max: BODY_BYTES }) },
);

const content = constantFrom("bytes", "requests");

/** Few enough chunks that their framing stays within what the server takes. */
const chunkSizes: Arbitrary<readonly number[]> = oneof(
  array(integer({ min: 4, max: 300 }), { minLength: 1, maxLength: 4 }),
  array(constantFrom(1000, 4096, 16_384, 100_000), { minLength: 1, maxLength: 3 }),
);
const extension = oneof(
  { weight: 5, arbitrary: constant("") },
  { weight: 2, arbitrary: constantFrom(";a", ";a=b", ';a="b c"', ';a="0\\"";b') },
);
const trailers = oneof(
  { weight: 5, arbitrary: constant([]) },
  { weight: 1, arbitrary: constantFrom(["x-sum: 1"], ["x-sum: 1", "Host: evil"], ["x-a:"]) },
);

const body: Arbitrary<BodySpec> = oneof(
  { weight: 4, arbitrary: constant<BodySpec>({ kind: "none" }) },
  { weight: 3, arbitrary: record({ kind: constant("length" as const), bytes: bodyBytes, content }) },
  {
    weight: 3,
    arbitrary: record({
      kind: constant("chunked" as const),
      bytes: bodyBytes,
      content,
      chunkSizes,
      extension,
      zeros: constantFrom(0, 0, 0, 1, 4),
      upperCase: boolean(),
      trailers,
    }).map((chunked) => (chunked.bytes > 20_000 ? { ...chunked, chunkSizes: [8192, 16_384] } : chunked)),
  },
);

const ROUTES: readonly Route[] = [
  "whole",
  "none",
  "half",
  "slow",
  "stream",
  "early",
  "iterate",
  "pipeline",
  "throw",
  "reject",
  "late",
  "destroy",
];
/** Reading to the end is what most apps do; the last two end the connection. */
const route: Arbitrary<Route> = oneof(
  { weight: 8, arbitrary: constant<Route>("whole") },
  { weight: 12, arbitrary: constantFrom(...ROUTES.slice(0, -2)) },
  { weight: 1, arbitrary: constantFrom(...ROUTES.slice(-2)) },
);

const host = constantFrom("test", "test:80", "test:", "127.0.0.1:8000", "[::1]", "[::1]:80", "a-b.example");

const line = constantFrom(
  "Accept: */*",
  "accept-encoding: gzip, br",
  "x-empty:",
  "x-tabs:\t a \t b\t",
  "X-LATIN: \xe4\xf6",
  "x-close: close",
  "__proto__: a",
  "Cookie: a=b; c=d",
  "Keep-Alive: timeout=5",
  "TE: trailers",
  "Upgrade: h2c",
  "Upgrade: websocket",
  `x-long: ${"a".repeat(3000)}`,
);

const connection = oneof(
  { weight: 8, arbitrary: constant(undefined) },
  { weight: 3, arbitrary: constantFrom("keep-alive", "Keep-Alive", "te", "upgrade", "keep-alive, Upgrade") },
  { weight: 2, arbitrary: constantFrom("close", "Close", "close, te", "x-a ,close") },
);

const valid: Arbitrary<RequestSpec> = record({
  method: oneof(
    { weight: 5, arbitrary: constant("GET") },
    { weight: 5, arbitrary: constant("POST") },
    { weight: 3, arbitrary: constantFrom("HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "REPORT") },
  ),
  version: oneof(
    { weight: 12, arbitrary: constant("1.1" as const) },
    { weight: 1, arbitrary: constant("1.0" as const) },
  ),
  form: oneof(
    { weight: 12, arbitrary: constant("origin" as const) },
    { weight: 1, arbitrary: constantFrom("absolute" as const, "asterisk" as const) },
  ),
  route,
  amount: oneof({ weight: 6, arbitrary: integer({ min: 0, max: 100 }) }, integer({ min: 0, max: 1_000_000 })),
  host,
  extra: uniqueArray(line, { maxLength: 4 }),
  connection,
  body,
  expect: oneof({ weight: 8, arbitrary: constant("no" as const) }, constantFrom("waits" as const, "goes on" as const)),
  fault: constant(undefined),
  waits: boolean(),
  emptyLines: oneof({ weight: 8, arbitrary: constant(0) }, constantFrom(1, 2)),
  cuts,
}).map(fit);

/** Makes the parts agree, so that the request is valid. */
function fit(spec: RequestSpec): RequestSpec {
  const asterisk = spec.form === "asterisk";
  // Chunked is not for 1.0 (RFC 9112 §6.1).
  const length: BodySpec = spec.body.kind === "chunked" ? { ...spec.body, kind: "length" } : spec.body;
  return {
    ...spec,
    ...(asterisk && { method: "OPTIONS", route: "whole" as const }),
    body: spec.version === "1.0" ? length : spec.body,
    expect: spec.version === "1.0" && spec.expect === "waits" ? "goes on" : spec.expect,
  };
}

const faultNames: readonly FaultName[] = Object.keys(faults);

const nearlyValid: Arbitrary<RequestSpec> = tuple(valid, constantFrom(...faultNames)).map(([spec, name]) => {
  const { body: wanted } = faultOf(name);
  const length = { bytes: 4, content: "bytes" as const };
  const chunking = { chunkSizes: [2], extension: "", zeros: 0, upperCase: false, trailers: [] };
  const bodies: Readonly<Record<typeof wanted, BodySpec>> = {
    any: spec.body,
    none: { kind: "none" },
    length: { kind: "length", ...length },
    chunked: { kind: "chunked", ...length, ...chunking },
  };
  return {
    ...spec,
    method: spec.method === "HEAD" || spec.form === "asterisk" ? "POST" : spec.method,
    version: "1.1",
    form: "origin",
    // Where it is known only to Latin-1 readers which header is meant, the limit on all of them strikes first.
    extra: spec.extra.filter((line) => line.length < 1000),
    body: bodies[wanted],
    expect: "no",
    fault: name,
  };
});

const end: Arbitrary<End> = oneof(
  { weight: 8, arbitrary: constant<End>({ kind: "waits" }) },
  { weight: 4, arbitrary: constant<End>({ kind: "half-closes" }) },
  { weight: 1, arbitrary: constant<End>({ kind: "resets" }) },
  {
    weight: 2,
    arbitrary: record({ kind: constant("breaks off" as const), at: share, next: constant("half-closes" as const) }),
  },
  { weight: 1, arbitrary: record({ kind: constant("vanishes" as const), at: share }) },
  {
    weight: 1,
    arbitrary: record({ kind: constant("garbles" as const), at: share, byte: integer({ min: 0, max: 255 }) }),
  },
);

/** One in some hundred: each holds its connection, and under some models a thread, for seconds. */
const endWithStalls: Arbitrary<End> = oneof(
  { weight: 300, arbitrary: end },
  { weight: 1, arbitrary: share.map((at): End => ({ kind: "breaks off", at, next: "stalls" })) },
);

const requests: Arbitrary<readonly RequestSpec[]> = tuple(
  oneof(
    { weight: 4, arbitrary: array(valid, { minLength: 1, maxLength: 3 }) },
    { weight: 2, arbitrary: array(valid, { minLength: 1, maxLength: REQUESTS + 2 }) },
  ),
  option(nearlyValid, { freq: 2 }),
).map(([before, last]) => (last === null ? before : [...before.slice(0, REQUESTS - 1), last]));

const readsAfterMs = oneof({ weight: 8, arbitrary: constant(0) }, constantFrom(10, 100));

export function scripts(features: ReadonlySet<Feature>): Arbitrary<Script> {
  return record({ requests, end: endWithStalls, readsAfterMs }).map((script) => tame(plain(script), features));
}

/**
 * A garbled request is compared with nothing, so it may not be one whose answer is read in another way. Nor may one that breaks
 * off, perhaps before its method is known.
 */
function plain(script: Script): Script {
  const { end, requests } = script;
  const last = requests.at(-1)!;
  if (end.kind === "garbles")
    return { ...script, requests: [...requests.slice(0, -1), { ...last, method: "POST", form: "origin" }] };
  if (end.kind !== "breaks off" || last.method !== "HEAD") return script;
  return { ...script, requests: [...requests.slice(0, -1), { ...last, method: "PUT" }] };
}
