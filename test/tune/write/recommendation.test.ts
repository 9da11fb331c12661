import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldsOf } from "../../../src/cli/tune-write.ts";
import { resolveConfig } from "../../../src/config/config.ts";
import type { TuneResult } from "../../../src/tune/types.ts";

const recommendation = {
  model: "threads",
  workers: 1,
  threads: 8,
  why: "",
  classic: { cores: 2, twiceCores: 4, waitToCompute: 8, gunicorn: 5, puma: 5 },
};

function fields(knee: TuneResult["knee"]): ReturnType<typeof fieldsOf> {
  return fieldsOf({ knee, recommendation } as TuneResult);
}

test("a config file gets the shape, and the knee as what its limit begins with", () => {
  const written = fields({ value: 23.6, low: 20, high: 27 });
  assert.deepEqual(written, { model: "threads", workers: 1, threads: 8, limit: "adaptive:24" });
  const file = { path: "/app/heddle.config.ts", settings: { ...written, app: "app.ts" } };
  const config = resolveConfig({
    app: undefined,
    flags: {},
    env: {},
    file,
    cwd: "/app",
    pid: 1,
    isTTY: false,
    cpus: 2,
  });
  assert.deepEqual(config.limit, { adaptive: { seed: 24 } });
});

test("a config file gets the routes with a model of their own", () => {
  const routes = { "GET /image": { model: "threads", threads: 2 } };
  const knee = { inconclusive: "" };
  assert.deepEqual(fieldsOf({ knee, recommendation: { ...recommendation, routes } } as unknown as TuneResult), {
    model: "threads",
    workers: 1,
    threads: 8,
    routes,
  });
});

test("without a knee there is no limit, and without a recommendation nothing", () => {
  assert.deepEqual(fields({ notReached: true, seenUpTo: 64 }), { model: "threads", workers: 1, threads: 8 });
  assert.equal(fieldsOf({ knee: { inconclusive: "" } } as TuneResult), undefined);
});
