import assert from "node:assert/strict";
import { test } from "node:test";
import { cleanupFault, differences } from "./compare.ts";

test("two answers with the same status, headers and body do not differ, however they are sent", () => {
  const bare = { status: 200, headers: { etag: "a", date: "Mon", "transfer-encoding": "chunked" }, body: "hello" };
  const heddle = { status: 200, headers: { etag: "a", connection: "close", "content-length": "5" }, body: "hello" };
  assert.deepEqual(differences(bare, heddle), []);
});

test("each difference of two answers is told", () => {
  const bare = { status: 200, headers: { etag: "a", "content-length": "5", vary: "accept" }, body: "hello" };
  const heddle = { status: 500, headers: { etag: "b", "content-length": "4", "x-own": "1" }, body: "fail" };
  assert.deepEqual(differences(bare, heddle), [
    "status 500, bare 200",
    'header etag: "b", bare "a"',
    'header content-length: "4", bare "5"',
    'header vary: none, bare "accept"',
    'header x-own: "1", bare none',
    'body "fail", bare "hello"',
  ]);
});

test("each copy has to write each line that the bare application writes, and no other", () => {
  const bare = ["onClose", "exit"];
  assert.equal(cleanupFault(bare, ["onClose", "onClose", "exit", "exit"], 2), undefined);
  assert.equal(
    cleanupFault(bare, ["onClose", "exit", "exit"], 2),
    '"onClose" was written 1 times by 2 copies that ended',
  );
  assert.equal(
    cleanupFault(bare, ["onClose", "exit", "error"], 1),
    '"error" was written, by the bare application it is not',
  );
});
