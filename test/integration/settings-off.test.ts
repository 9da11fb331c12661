import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { startServer } from "../support/server.ts";

const app = new URL("../fixtures/life/hello.ts", import.meta.url).pathname;

/** Every setting of which the reference says that 0 turns it off, or is no limit. */
const names =
  "blocked-threshold thread-idle handler-memory limit queue queue-timeout timeout graceful-timeout heartbeat-timeout " +
  "max-requests max-memory limit-headers headers-timeout body-idle-timeout body-min-rate limit-body " +
  "limit-keep-alive keep-alive";
const off = names.split(" ").map((name) => `--${name}=0`);

describe("a server with every limit and every time turned off", () => {
  for (const model of ["loop", "sync", "threads", "thread-per-request"]) {
    test(`serves under the model ${model}`, async () => {
      await using server = await startServer(app, ["--model", model, ...off]);
      const body = "a".repeat(2 * 1024 * 1024);
      const answer = await fetch(server.url, { method: "POST", body, signal: AbortSignal.timeout(30_000) });
      assert.equal(answer.status, 200);
      await answer.text();
      assert.doesNotMatch(server.stderr(), /"level":(?:40|50|60)/);
    });
  }
});
