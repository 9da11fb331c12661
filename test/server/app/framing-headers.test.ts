import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type GivenHeaders,
  type HeaderTable,
  NONE,
  pairsOf,
  plainLength,
  plainLengthSet,
  settleHeaders,
  UNUSUAL,
} from "../../../src/server/app/framing-headers.ts";

/** As node:http keeps what `setHeader` was given. */
function table(entries: Readonly<Record<string, unknown>>): HeaderTable {
  const headers = Object.create(null) as Record<string, [string, unknown]>;
  for (const [name, value] of Object.entries(entries)) headers[name.toLowerCase()] = [name, value];
  return headers;
}

const isTable = (headers: GivenHeaders): headers is HeaderTable => Object.getPrototypeOf(headers) === null;

describe("the only framing header of a response", () => {
  const cases: [what: string, headers: GivenHeaders, length: number][] = [
    ["is none, of a list", ["content-type", "a", "x-content-lengt", "b"], NONE],
    ["is none, of an object", { "Content-Type": "a" }, NONE],
    ["is a length in a list", ["a", "b", "Content-Length", "12"], 12],
    ["is a length in an object", { "content-length": 12, a: "b" }, 12],
    ["is a length that was set", table({ "Content-Length": 12, "Set-Cookie": ["a", "b"] }), 12],
    ["is no list of lengths", { "content-length": ["5", "5"] }, UNUSUAL],
    ["is no list of lengths that was set", table({ "content-length": ["5", "5"] }), UNUSUAL],
    ["is not two lengths", ["content-length", "5", "Content-Length", "5"], UNUSUAL],
    ["is no length but a number", ["content-length", "5 "], UNUSUAL],
    ["is looked for in pairs elsewhere", [["content-length", "5"]], UNUSUAL],
    ["is not the only one: a coding", { "Transfer-Encoding": "chunked" }, UNUSUAL],
    ["is not the only one: a connection", table({ Connection: "close" }), UNUSUAL],
    ["is not the only one: a keep-alive", ["keep-alive", "timeout=5", "content-length", "5"], UNUSUAL],
  ];
  for (const [what, headers, length] of cases)
    test(what, () => assert.equal(isTable(headers) ? plainLengthSet(headers) : plainLength(headers), length));
});

describe("the headers that are sent in place of those", () => {
  const settle = (headers: GivenHeaders, facts: object = {}): unknown[] => {
    const pairs = isTable(headers) ? Object.values(headers) : pairsOf(headers);
    const settled = settleHeaders(pairs, { status: 200, httpVersionMinor: 1, keepsAlive: true, ...facts });
    return [...settled.headers, ...(settled.badLength === undefined ? [] : [`bad: ${settled.badLength}`])];
  };
  const old = { httpVersionMinor: 0 };
  const cases: [what: string, given: GivenHeaders, sent: unknown[], facts?: object][] = [
    [
      "keep all others as they are",
      [
        ["A", "b"],
        ["set-cookie", ["c", "d"]],
      ],
      ["A", "b", "set-cookie", ["c", "d"]],
    ],
    ["keep the names that were set", table({ "X-Foo": "a" }), ["X-Foo", "a"]],
    ["keep an object's", { "X-Foo": ["x-foo", "b"], "X-Bar": "c" }, ["X-Foo", ["x-foo", "b"], "X-Bar", "c"]],
    ["have one length", { "Content-Length": ["5", "5"] }, ["Content-Length", 5]],
    ["have one length of a list", ["content-length", "5, 5"], ["Content-Length", 5]],
    ["have none of two lengths", ["content-length", "5", "content-length", 6], ["bad: 5, 6"]],
    ...["", "-1", "1.5", "+1", "1e3", "0x1", "a", "9007199254740993"].map(
      (length): [string, GivenHeaders, unknown[]] => [
        `have none of ${JSON.stringify(length)}`,
        ["content-length", length],
        [`bad: ${length}`],
      ],
    ),
    [
      "have a coding and no length",
      table({ "Transfer-Encoding": "chunked", "content-length": 5 }),
      ["Transfer-Encoding", "chunked"],
    ],
    ["end with chunked", ["transfer-encoding", "chunked, gzip"], ["Transfer-Encoding", "gzip, chunked"]],
    ["have chunked once", { "transfer-encoding": ["chunked", "Chunked"] }, ["Transfer-Encoding", "chunked"]],
    ["have no identity", ["transfer-encoding", "identity", "content-length", "5"], ["Content-Length", 5]],
    ["have no coding in HTTP/1.0", ["transfer-encoding", "chunked", "content-length", "5"], [], old],
    ["have a length in HTTP/1.0", ["connection", "keep-alive", "content-length", "5"], ["Content-Length", 5], old],
    ["have neither with 204", ["transfer-encoding", "chunked", "content-length", "5"], [], { status: 204 }],
    [
      "have no coding with 304",
      ["transfer-encoding", "chunked", "content-length", "5"],
      ["Content-Length", 5],
      { status: 304 },
    ],
    ["leave a living connection to the server", ["Connection", "keep-alive", "Keep-Alive", "timeout=9"], []],
    ["end a connection", ["Connection", "Keep-Alive, Close"], ["Connection", "close"]],
    [
      "end a connection that the server ends",
      ["Connection", "keep-alive"],
      ["Connection", "close"],
      { keepsAlive: false },
    ],
    ["keep a connection's other options", ["connection", "Upgrade, keep-alive"], ["Connection", "upgrade"]],
    ["keep them at its end", ["connection", "Upgrade"], ["Connection", "close, upgrade"], { keepsAlive: false }],
    ["say nothing of a proxy's connection", ["proxy-connection", "keep-alive"], []],
    ["switch protocols", ["connection", "upgrade"], ["Connection", "upgrade"], { status: 101, keepsAlive: false }],
  ];
  for (const [what, given, sent, facts] of cases) test(what, () => assert.deepEqual(settle(given, facts), sent));
});
