/** The bytes of a script's requests. Text is Latin-1 throughout: one character, one byte. */

import { pool } from "../fixtures/fuzz/parts.ts";
import { faultOf, type Parts } from "./faults.ts";
import type { BodySpec, RequestSpec } from "./script.ts";

export interface Rendered {
  readonly head: Buffer;
  readonly body: Buffer;
}

/** What a server that lost its place would take for a request. */
const REQUESTS = "GET /smuggled HTTP/1.1\r\nhost: smuggled\r\n\r\n0\r\n\r\n";
const requestsText = Buffer.from(REQUESTS.repeat(8192), "latin1");

/** `id`: what the answer must carry. */
export function render(spec: RequestSpec, id: string): Rendered {
  const content = contentOf(spec);
  const lines = [`Host: ${spec.host}`, `x-fuzz: ${id}`, ...spec.extra];
  if (spec.connection !== undefined) lines.push(`Connection: ${spec.connection}`);
  if (spec.expect !== "no") lines.push("Expect: 100-continue");
  lines.push(...framingOf(spec.body));
  let parts: Parts = {
    line: `${spec.method} ${targetOf(spec)} HTTP/${spec.version}`,
    lines,
    body: bodyText(spec.body, content),
  };
  if (spec.fault !== undefined) parts = faultOf(spec.fault).apply(parts);
  const head = `${"\r\n".repeat(spec.emptyLines)}${[parts.line, ...parts.lines].join("\r\n")}\r\n\r\n`;
  return { head: Buffer.from(head, "latin1"), body: Buffer.from(parts.body, "latin1") };
}

/** The path and query, as the app sees them. */
export function pathOf({ route, amount }: RequestSpec): string {
  return `/${route}?amount=${amount}`;
}

export function targetOf(spec: RequestSpec): string {
  if (spec.form === "asterisk") return "*";
  return spec.form === "absolute" ? `http://${spec.host}${pathOf(spec)}` : pathOf(spec);
}

/** The body itself, without framing. */
export function contentOf({ body, amount }: RequestSpec): Buffer {
  if (body.kind === "none") return Buffer.alloc(0);
  const from = body.content === "bytes" ? pool : requestsText;
  const start = amount % 1000;
  return from.subarray(start, start + body.bytes);
}

function framingOf(body: BodySpec): string[] {
  if (body.kind === "length") return [`Content-Length: ${body.bytes}`];
  return body.kind === "chunked" ? ["Transfer-Encoding: chunked"] : [];
}

function bodyText(body: BodySpec, content: Buffer): string {
  if (body.kind !== "chunked") return content.toString("latin1");
  const pieces: string[] = [];
  let next = 0;
  for (let at = 0; at < content.length; ) {
    const size = body.chunkSizes[next++ % body.chunkSizes.length]!;
    const chunk = content.toString("latin1", at, at + size);
    pieces.push(sizeLine(chunk.length, body), chunk, "\r\n");
    at += size;
  }
  pieces.push(sizeLine(0, body), ...body.trailers.map((line) => `${line}\r\n`), "\r\n");
  return pieces.join("");
}

function sizeLine(size: number, { zeros, upperCase, extension }: BodySpec & { kind: "chunked" }): string {
  const hex = size.toString(16);
  return `${"0".repeat(zeros)}${upperCase ? hex.toUpperCase() : hex}${extension}\r\n`;
}
