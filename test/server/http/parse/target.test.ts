import assert from "node:assert/strict";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { describe, test } from "node:test";
import { settleTarget } from "../../../../src/server/http/parse/target.ts";

describe("a target that is no path", () => {
  /** Path, host, and how many header fields there are then. */
  function settled(method: string, url: string, headers = ["A", "b", "host", "a"]): unknown[] | false {
    const req = new IncomingMessage(new Socket());
    Object.assign(req, { method, url, rawHeaders: headers });
    if (!settleTarget(req)) return false;
    const { rawHeaders } = req;
    return [req.url, rawHeaders[rawHeaders.findIndex((name) => /^host$/i.test(name)) + 1], rawHeaders.length];
  }

  const forms: [method: string, url: string, path: string, host: string][] = [
    ["OPTIONS", "*", "*", "a"],
    ["GET", "http://b/x?y", "/x?y", "b"],
    ["GET", "HTTPS://B:/x", "/x", "B:"],
    ["POST", "http://[::1]:80", "/", "[::1]:80"],
    ["GET", "http://b?y", "/?y", "b"],
    ["GET", "http://a/http://c/", "/http://c/", "a"],
    ["OPTIONS", "http://b", "*", "b"],
    ["OPTIONS", "http://b/", "/", "b"],
  ];
  for (const [method, url, path, host] of forms) {
    test(`${method} ${url} asks for ${path} of ${host}`, () => {
      assert.deepEqual(settled(method, url), [path, host, 4]);
    });
  }

  test("names the host of a request that has no other", () => {
    assert.deepEqual(settled("GET", "http://b/x", ["a", "b"]), ["/x", "b", 4]);
  });

  const none: [method: string, url: string][] = [
    ["GET", "*"],
    ["POST", "*"],
    ["OPTIONS", "*x"],
    ["OPTIONS", "*/"],
    ...["http:///x", "http://", "http:foo", "http:/x", "ftp://b/x", "ws://b/x", "file:///x", "mailto:x", "foo:bar"].map(
      (url): [string, string] => ["GET", url],
    ),
    ...["example.com/x", "b:80", "?x", "", "http://u:p@b/x", "http://u@b", "http://b:x/", "http://b:99999/"].map(
      (url): [string, string] => ["GET", url],
    ),
    ...["http://a,b/", "http://%61/", "http://b#c", "http:\\\\b", "http://1.2.3/"].map((url): [string, string] => [
      "GET",
      url,
    ]),
  ];
  for (const [method, url] of none) {
    test(`is none: ${method} ${url}`, () => assert.deepEqual(settled(method, url), false));
  }
});
