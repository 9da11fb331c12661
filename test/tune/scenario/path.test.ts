import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { parsePath } from "../../../src/tune/scenario/scenario.ts";

const folder = mkdtempSync(join(tmpdir(), "heddle-path-"));
after(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, "body.json"), `{"a": 1}`);
writeFileSync(join(folder, "picture.bin"), Buffer.from([0, 255, 1]));

function brief(text: string): unknown[] {
  const { method, path, body, headers } = parsePath(text, folder);
  return [method, path, ...(body === undefined ? [] : [Buffer.from(body).toString("latin1"), headers["content-type"]])];
}

describe("a request in a few words", () => {
  const requests: readonly [text: string, ...parts: unknown[]][] = [
    ["/orders", "GET", "/orders"],
    ["/orders?a=b&c={d}", "GET", "/orders?a=b&c={d}"],
    ["/matrix;v=1", "GET", "/matrix;v=1"],
    ["get /orders", "GET", "/orders"],
    ["DELETE /orders/1", "DELETE", "/orders/1"],
    ["POST /report=@body.json", "POST", "/report", `{"a": 1}`, "application/json"],
    ["POST /picture=@picture.bin", "POST", "/picture", "\0\xff\x01", "application/octet-stream"],
    [`POST /x={"a": "b=c?d"}`, "POST", "/x", `{"a": "b=c?d"}`, "application/json"],
    [`PUT /x?y=z={"a": 1}`, "PUT", "/x?y=z", `{"a": 1}`, "application/json"],
    ["PUT /x?y=z=[1]", "PUT", "/x?y=z", "[1]", "application/json"],
    ["POST /notes=hello", "POST", "/notes", "hello", "text/plain; charset=utf-8"],
    ["POST /notes?a=b", "POST", "/notes?a=b"],
    ["POST /empty", "POST", "/empty"],
    ["DELETE /items?id={{id}}", "DELETE", "/items?id={{id}}"],
    ["POST /notes={{text}}", "POST", "/notes", "{{text}}", "text/plain; charset=utf-8"],
  ];
  for (const [text, ...parts] of requests) it(`reads ${text}`, () => assert.deepEqual(brief(text), parts));

  it("is named by method and path, without the query", () => {
    assert.equal(parsePath("/orders?page=2").name, "GET /orders");
  });

  const refusals: readonly [text: string, message: RegExp][] = [
    ["orders", /"orders" is not a request: wanted a path that begins with "\/"/],
    ["GET orders", /is not a request/],
    ["PO(ST /orders", /is not a request/],
    ["/a b", /its path has a blank; write it as %20/],
    ["POST /report=@none.json", /body file .*none\.json can't be read: ENOENT/],
    [`POST /x={"a": }`, /begins like JSON and is none/],
  ];
  for (const [text, message] of refusals) {
    it(`refuses ${text}`, () => {
      assert.throws(
        () => parsePath(text, folder),
        (error: Error & { code?: string }) => {
          assert.match(error.message, message);
          return error.code === "TUNE_SCENARIO_BAD";
        },
      );
    });
  }
});
