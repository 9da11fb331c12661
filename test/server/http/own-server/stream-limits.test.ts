import assert from "node:assert/strict";
import { test } from "node:test";
import { inspectStreamHead } from "../../../../src/server/http/own-server/stream-limits.ts";

function judge(headers: Record<string, string>): string {
  const all = { ":method": "GET", ":path": "/", ...headers };
  const limits = { headerCount: 0, requestLineBytes: 8192, bodyBytes: 0 };
  const head = { stream: { endAfterHeaders: true }, headers: all, rawHeaders: [] };
  return inspectStreamHead(head as never, limits as never);
}

test("the host of an HTTP/2 request is one, in :authority, or in host if there is no :authority", () => {
  assert.equal(judge({ ":authority": "example.com:8443" }), "no-body");
  assert.equal(judge({ ":authority": "a/b" }), "BAD_REQUEST");
  assert.equal(judge({ host: "example.com" }), "no-body");
  assert.equal(judge({ host: "a/b" }), "BAD_REQUEST");
  assert.equal(judge({ ":authority": "example.com", host: "a/b" }), "no-body");
});
