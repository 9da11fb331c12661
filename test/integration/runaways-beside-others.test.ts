/** Requests that compute without end are ended alone: those beside them, in whatever they wait, lose nothing. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { converse, startBackend } from "../support/conversations.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { get, serve } from "../server/arbiter/support.ts";
import { startServer } from "../support/server.ts";

const app = new URL("../fixtures/runaways/app.ts", import.meta.url).pathname;
const besideTasks = new URL("../fixtures/runaways/beside-tasks.ts", import.meta.url).pathname;
const TALKS = ["receive", "call", "timer", "fetch", "hops", "als", "stream"];
/** Where nothing of others can be dropped with them. */
const WAYS = ["handler", "timer", "message", "immediate", "call"];

describe("requests that compute without end", { concurrency: 1 }, () => {
  for (const [what, threads] of [
    ["a worker's main thread", "1"],
    ["threads of a worker", "2"],
  ] as const) {
    test(`beside conversations on ${what} are answered 503, and nobody else loses anything`, async () => {
      await using backend = await startBackend();
      const flags = ["--workers", "1", "--threads", threads, "--blocked-threshold", "1m", "--log-format", "json"];
      await using server = await startServer(app, ["--model", "actors", "--runaway-budget", "200ms", ...flags], {
        env: { BACKEND: backend.url },
      });
      const plan = { talks: TALKS, clients: 70, ways: WAYS, rounds: WAYS.length * 2, everyMs: 0 };
      const { answers, faults, runaways } = await converse({ url: server.url, ...plan });
      assert.deepEqual(faults, []);
      assert.deepEqual(runaways, Object.fromEntries(WAYS.map((way) => [way, [503, 503]])));
      for (const talk of TALKS) assert.ok(answers[talk]! >= 10, `${talk} was answered`);
      const log = server.stderr();
      assert.doesNotMatch(log, /is replaced|was killed|died/);
      assert.match(log, /the actor \\"GET \/run\?as=handler\\" was ended.*spin \(.*runaways\/app\.ts/);
      assert.equal((await server.stop()).code, 0);
    });
  }

  test("inside of the parser, are answered 503 and not blamed on the client", async () => {
    await using server = await startServer(app, ["--model", "actors", "--workers", "1", "--runaway-budget", "200ms"]);
    // More than the server reads at once, so that the parser is asked to go on after it has failed.
    const length = 400_000;
    await using client = await RawConnection.open(server.port);
    client.request("POST /run?as=tick HTTP/1.1", [`content-length: ${length}`], "x".repeat(length));
    const { status, headers } = await client.response();
    assert.equal(status, 503);
    assert.equal(headers["connection"], "close");
    assert.equal((await server.stop()).code, 0);
  });
});

describe("requests under tasks that an actor of their thread would have resumed, which computes without end", () => {
  for (const [way, isReplaced] of [
    ["/message", false],
    ["/timer", true],
  ] as const) {
    test(`are told when it is ended (${way})`, async (t) => {
      const flags = ["--model", "tasks", "--workers", "1", "--threads", "1", "--runaway-budget", "200ms"];
      const server = await serve(t, besideTasks, [...flags, "--timeout", "60s"]);
      const waits = [get(server.url, "/waits"), get(server.url, "/waits")];
      await server.waitForLog(/^waits\n(?:.*\n)*waits$/m);
      assert.equal((await get(server.url, way)).status, 200);
      for (const { status } of await Promise.all(waits)) assert.equal(status, 500);
      await server.waitForLog(/"code":"TASK_LOST"/);
      if (isReplaced)
        await server.waitForLog(
          /others may have lost what .* \(on handler thread 1 of tasks\); the thread is replaced/,
        );
      assert.equal((await get(server.url, "/hello")).body, "hello");
      // Nothing of them is left, so that their thread can end.
      await server.waitForStatus(({ workers }) =>
        workers.every(({ pools }) => pools.every(({ inFlight }) => inFlight === 0)),
      );
      assert.equal((await server.stop()).code, 0);
      assert.doesNotMatch(server.stderr(), /is killed|was killed/);
    });
  }
});
