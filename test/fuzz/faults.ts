/**
 * Changes that make a valid request invalid, and how each must be refused (RFC 9112, RFC 9110,
 * docs/guide/5-limits-and-timeouts.md). After each of them the connection closes, because where the next request would begin is
 * unknown or can't be trusted.
 */

import { BODY_BYTES, HEADER_BYTES, HEADER_COUNT, REQUEST_LINE_BYTES } from "./limits.ts";

/** A request before it is bytes. */
export interface Parts {
  readonly line: string;
  readonly lines: readonly string[];
  readonly body: string;
}

export interface Fault {
  /** Whether the head is wrong already, or only the body, which a handler may have begun to read by then. */
  readonly where: "head" | "body";
  readonly statuses: readonly number[];
  /** What the request has for a body before the change. */
  readonly body: "none" | "length" | "chunked" | "any";
  /** The feature of the generator that it belongs to. */
  readonly feature?: "hosts and targets" | "connect";
  readonly apply: (parts: Parts) => Parts;
}

const head =
  (statuses: readonly number[], body: Fault["body"], feature?: Fault["feature"]) =>
  (apply: Fault["apply"]): Fault => ({ where: "head", statuses, body, ...(feature && { feature }), apply });
const inBody =
  (...statuses: number[]) =>
  (change: (body: string) => string): Fault => ({
    where: "body",
    statuses,
    body: "chunked",
    apply: (parts) => ({ ...parts, body: change(parts.body) }),
  });

const add = (...lines: string[]): Fault["apply"] => {
  return (parts) => ({ ...parts, lines: [...parts.lines, ...lines] });
};
const withHost = (...hosts: string[]): Fault["apply"] => {
  return (parts) => ({
    ...parts,
    lines: [...hosts.map((host) => `Host: ${host}`), ...parts.lines.filter((line) => !/^host:/i.test(line))],
  });
};
const onLine = (change: (line: string) => string): Fault["apply"] => {
  return (parts) => ({ ...parts, line: change(parts.line) });
};
const withTarget = (target: string): Fault["apply"] => onLine((line) => line.replace(/ \S+ /, () => ` ${target} `));
const withMethod = (method: string): Fault["apply"] => onLine((line) => line.replace(/^\S+/, method));

const bad = head([400], "none");
const badFraming = head([400], "none");
const badHost = head([400], "none", "hosts and targets");

export const faults: Readonly<Record<string, Fault>> = {
  "no host": head([400], "any")(withHost()),
  "two hosts": head([400], "any")(withHost("a", "b")),
  "host with user": badHost(withHost("user@a")),
  "host with path": badHost(withHost("a/b")),
  "host list": badHost(withHost("a, b")),
  "host with space": badHost(withHost("a b")),
  "host with wrong port": badHost(withHost("a:b")),
  "host with open bracket": badHost(withHost("[::1")),
  // Of OPTIONS it is valid (RFC 9112 §3.2.4).
  "target *": badHost(
    onLine((line) => line.replace(/^(\S+) \S+/, (_all, method) => `${method === "OPTIONS" ? "GET" : method} *`)),
  ),
  "target without slash": badHost(withTarget("whole")),
  "target of another scheme": badHost(withTarget("mailto:a")),
  "target without authority": badHost(withTarget("http:///whole")),
  "target with space": bad(withTarget("/a b")),
  "target with control": bad(withTarget("/a\x01b")),
  "no target": bad(onLine((line) => line.replace(/ \S+ /, " "))),
  "version 2.0": head([400, 505], "any")(onLine((line) => line.replace(/1\.1$/, "2.0"))),
  "version 1.2": head([400, 505], "any")(onLine((line) => line.replace(/1\.1$/, "1.2"))),
  "version of letters": bad(onLine((line) => line.replace(/1\.1$/, "1.x"))),
  "lower-case protocol": bad(onLine((line) => line.replace("HTTP/", "http/"))),
  "no version": bad(onLine((line) => line.replace(/ HTTP.*/, ""))),
  "unknown method": head([400, 405, 501], "any")(withMethod("FOO")),
  "lower-case method": head([400, 405, 501], "any")(withMethod("get")),
  connect: head(
    [400, 405, 501],
    "none",
    "connect",
  )((parts) => withMethod("CONNECT")(withTarget("example.com:443")(parts))),
  tls: bad((parts) => ({ ...parts, line: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", lines: [] })),
  "bare LF after the request line": bad((parts) => ({
    ...parts,
    line: `${parts.line}\n${parts.lines[0]}`,
    lines: parts.lines.slice(1),
  })),
  "bare LF after a header": bad(add("x-a: b\nx-c: d")),
  "bare CR in a header": bad(add("x-a: b\rc")),
  "NUL in a header": bad(add("x-a: b\0c")),
  "folded header": bad(add("x-a: b\r\n c")),
  "space before the colon": bad(add("x-a : b")),
  "header without name": bad(add(": b")),
  "header without colon": bad(add("x-a")),
  "header name with slash": bad(add("x/a: b")),
  "length and chunked": head([400], "chunked")(add("Content-Length: 4")),
  "length 0 and chunked": head([400], "chunked")(add("content-length: 0")),
  "lengths that differ": head([400], "length")(add("Content-Length: 3")),
  "negative length": badFraming(add("Content-Length: -4")),
  "signed length": badFraming(add("Content-Length: +4")),
  "hexadecimal length": badFraming(add("Content-Length: 0x4")),
  "list of lengths": badFraming(add("Content-Length: 4, 4")),
  "huge length": head([400, 413], "none")(add("Content-Length: 99999999999999999999")),
  "empty length": badFraming(add("Content-Length:")),
  gzip: head([501], "none")(add("Transfer-Encoding: gzip")),
  "gzip, chunked": head([501], "none")(add("Transfer-Encoding: gzip, chunked")),
  identity: head([400, 501], "none")(add("Transfer-Encoding: identity")),
  xchunked: head([400, 501], "none")(add("Transfer-Encoding: xchunked")),
  "chunked, chunked": head([400, 501], "none")(add("Transfer-Encoding: chunked, chunked")),
  "chunked twice": head([400, 501], "chunked")(add("Transfer-Encoding: chunked")),
  "chunked under 1.0": head([400], "chunked")(onLine((line) => line.replace(/1\.1$/, "1.0"))),
  "unknown expectation": head([417], "any")(add("Expect: 200-maybe")),
  "too many headers": head([431], "any")(add(...Array.from({ length: HEADER_COUNT }, (_, i) => `x-${i}: ${i}`))),
  "too large a header": head([431], "any")(add(`x-a: ${"a".repeat(HEADER_BYTES)}`)),
  "too long a line": head(
    [414],
    "any",
  )(onLine((line) => line.replace("?", `?long=${"a".repeat(REQUEST_LINE_BYTES)}&`))),
  "far too long a line": head(
    [414, 431],
    "any",
  )(onLine((line) => line.replace("?", `?long=${"a".repeat(HEADER_BYTES * 2)}&`))),
  "too long a body": head(
    [413],
    "none",
  )((parts) => ({
    ...add(`Content-Length: ${BODY_BYTES + 1}`)(parts),
    body: "a".repeat(1000),
  })),
  "chunks beyond the limit": inBody(413)(
    () => `${"8000\r\n".concat("a".repeat(0x8000), "\r\n").repeat(BODY_BYTES / 0x8000)}1\r\na\r\n0\r\n\r\n`,
  ),
  "signed chunk size": inBody(400)(() => "+1\r\na\r\n0\r\n\r\n"),
  "chunk size of C": inBody(400)(() => "0x1\r\na\r\n0\r\n\r\n"),
  "chunk size of letters": inBody(400)((body) => body.replace(/0\r\n[^]*$/, "zz\r\na\r\n0\r\n\r\n")),
  "empty chunk size": inBody(400)(() => "\r\na\r\n0\r\n\r\n"),
  "huge chunk size": inBody(400, 413)(() => "fffffffffffffffff\r\na\r\n0\r\n\r\n"),
  "chunk longer than its size": inBody(400)(() => "3\r\nabcdef\r\n0\r\n\r\n"),
  "chunk shorter than its size": inBody(400)(() => "6\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
  "bare LF after a chunk size": inBody(400)(() => "1\na\r\n0\r\n\r\n"),
  "bare LF after a chunk": inBody(400)(() => "1\r\na\n0\r\n\r\n"),
  "bare LF in an extension": inBody(400)(() => "1;a\nb\r\na\r\n0\r\n\r\n"),
  "extension without end": inBody(400, 413)(() => `1;${"e".repeat(20_000)}\r\na\r\n0\r\n\r\n`),
  "trailer without colon": inBody(400)(() => "1\r\na\r\n0\r\nx-a\r\n\r\n"),
  "trailer flood": inBody(400, 413, 431)(() => `1\r\na\r\n0\r\n${"x-a: b\r\n".repeat(4000)}\r\n`),
};

/** A key of `faults`. */
export type FaultName = string;

export function faultOf(name: FaultName): Fault {
  return faults[name]!;
}
