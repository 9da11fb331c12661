import assert from "node:assert/strict";
import { test } from "node:test";
import type { AppRecord } from "./record.ts";
import { get } from "./requests.ts";
import { judge } from "./verdict.ts";

const app: AppRecord = {
  name: "shop",
  group: "Frameworks",
  packages: { shop: "1.2.3" },
  files: {},
  requests: [get("/a"), get("/b")],
};

const failure = { shape: "threads 2", check: "answers", request: "GET /a", detail: "status 500" } as const;

test("a failure that no exception explains is told, and its cell has failed", () => {
  const { cells, unexplained } = judge(app, { failures: [failure] }, ["default", "threads 2"]);
  assert.deepEqual(unexplained, ["shop: answers, threads 2, GET /a: status 500"]);
  assert.equal(cells.get("answers")!.get("threads 2")!.kind, "failed");
  assert.equal(cells.get("answers")!.get("default")!.kind, "ok");
});

test("an exception explains only the check, the shapes and the requests that it names", () => {
  const why = "A reason.";
  const excused = {
    ...app,
    exceptions: [{ check: "answers", shapes: ["threads 2"], requests: ["GET /a"], why }],
  } as const;
  const { cells, unexplained, stale } = judge(excused, { failures: [failure] }, ["default", "threads 2"]);
  assert.deepEqual([unexplained, stale], [[], []]);
  assert.deepEqual(cells.get("answers")!.get("threads 2"), { kind: "exception", whys: [why] });
  for (const other of [{ request: "GET /b" }, { shape: "default" }, { check: "reload" }] as const) {
    assert.equal(judge(excused, { failures: [failure, { ...failure, ...other }] }, ["default"]).unexplained.length, 1);
  }
});

test("an exception that does not happen any more is told, but not for a shape that was not run", () => {
  const exceptions = [
    { check: "answers", shapes: ["default", "threads 2"], requests: ["GET /a", "GET /b"], why: "A reason." },
    { check: "stop", why: "Another one." },
  ] as const;
  const { stale } = judge({ ...app, exceptions }, { failures: [failure] }, ["threads 2"]);
  assert.deepEqual(stale, ["shop: answers, threads 2, GET /b", "shop: stop, threads 2"]);
});

test("the checks behind a start that failed were not run", () => {
  const starts = { shape: "default", check: "starts", detail: "no" } as const;
  const { cells } = judge(app, { failures: [starts] }, ["default"]);
  assert.equal(cells.get("starts")!.get("default")!.kind, "failed");
  assert.equal(cells.get("reload")!.get("default")!.kind, "not run");
});

test("an application that is broken without heddle is no success", () => {
  const { cells, unexplained } = judge(app, { broken: "npm failed", failures: [] }, ["default"]);
  assert.deepEqual(unexplained, ["shop: npm failed"]);
  assert.equal(cells.get("starts")!.get("default")!.kind, "failed");
});
