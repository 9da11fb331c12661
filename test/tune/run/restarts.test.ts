import assert from "node:assert/strict";
import { test } from "node:test";
import { restartsNote } from "../../../src/tune/run/restarts.ts";

const shape = { model: "threads", workers: 2, threads: 4 };

test("workers and threads that ended while they were measured are told, with what the log says", () => {
  assert.equal(
    restartsNote(shape, { workers: 1, threads: 3 }, "the app ended worker 7 itself"),
    "threads 2 × 4: 1 worker and 3 threads ended while it was measured and had to be replaced; the server's log says: the app ended worker 7 itself. Their requests failed.",
  );
  assert.match(restartsNote(shape, { workers: 2, threads: 0 }, undefined)!, /: 2 workers ended .* replaced\. Their/);
  assert.equal(restartsNote(shape, { workers: 0, threads: 0 }, "an error of before"), undefined);
});
