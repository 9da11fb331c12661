import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readyRequest } from "../../../../src/tune/load/http/ready-request.ts";
import { parsePath, readScenario } from "../../../../src/tune/scenario/scenario.ts";

const target = { host: "shop.example", port: 80 };

function linesOf(bytes: Uint8Array): string[] {
  return Buffer.from(bytes).toString().split("\r\n");
}

describe("the path of a request", () => {
  const paths: readonly [path: string, sent: string][] = [
    ["/caf\u00e9", "/caf%C3%A9"],
    ["/\u65e5\u672c?q=\u00fc", "/%E6%97%A5%E6%9C%AC?q=%C3%BC"],
    // In one byte for each character it would be a carriage return.
    ["/\u010d", "/%C4%8D"],
    ["/a%20b?c=d&e=%C3%A9", "/a%20b?c=d&e=%C3%A9"],
  ];
  for (const [path, sent] of paths) {
    test(`${path} is sent as ${sent}`, () => {
      assert.equal(linesOf(readyRequest(parsePath(path), target).bytes)[0], `GET ${sent} HTTP/1.1`);
    });
  }

  test("may have a captured value with blanks and line breaks, which do not end it", () => {
    const { bytes } = readyRequest(parsePath("/of/{{name}}/x"), target, { name: "a b\r\nc: \u00e9" });
    assert.deepEqual(linesOf(bytes), ["GET /of/a%20b%0D%0Ac:%20%C3%A9/x HTTP/1.1", "host: shop.example", "", ""]);
  });
});

describe("a captured value", () => {
  const scenario = readScenario({
    setup: [{ path: "/login", capture: { name: "json:name" } }],
    requests: [
      { method: "POST", path: "/", headers: { "x-name": "{{name}}" }, body: { name: "{{name}}", sum: "1 \u20ac" } },
    ],
  });
  const [request] = scenario.requests;

  test("is sent as UTF-8 in headers and bodies, and the body's length is that of its bytes", () => {
    const name = "\u017dofie \u65e5\u672c \u00e9";
    const body = JSON.stringify({ name, sum: "1 \u20ac" });
    const lines = linesOf(readyRequest(request!, target, { name }).bytes);
    assert.ok(lines.includes(`x-name: ${name}`));
    assert.ok(lines.includes(`content-length: ${Buffer.byteLength(body)}`));
    assert.equal(lines.at(-1), body);
  });

  test("that would begin another header is refused", () => {
    assert.throws(() => readyRequest(request!, target, { name: "a\r\nx-admin: 1" }), {
      code: "TUNE_SETUP_FAILED",
      message: /header x-name of POST \/ has a line break/,
    });
  });

  test("is not put into a body that is sent as it is", () => {
    const { requests } = readScenario({
      setup: [{ path: "/login", capture: { name: "json:name" } }],
      requests: [{ method: "POST", path: "/{{name}}", body: "{{name}} {{ user }}", literalBody: true }],
    });
    const lines = linesOf(readyRequest(requests[0]!, target, { name: "a" }).bytes);
    assert.deepEqual([lines[0], lines.at(-1)], ["POST /a HTTP/1.1", "{{name}} {{ user }}"]);
  });

  test("is one of the captured ones, not what every object has", () => {
    const { bytes } = readyRequest(parsePath("/{{constructor}}"), target, { name: "a" });
    assert.equal(linesOf(bytes)[0], "GET /{{constructor}} HTTP/1.1");
  });
});
