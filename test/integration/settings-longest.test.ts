import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runHeddle, startServer } from "../support/server.ts";

const app = new URL("../fixtures/life/hello.ts", import.meta.url).pathname;

/** Every setting that is a time, but the one that only delays a stop. */
const names =
  "blocked-threshold thread-idle queue-timeout timeout graceful-timeout heartbeat-timeout boot-timeout max-age " +
  "headers-timeout body-idle-timeout write-timeout keep-alive tls-ticket-rotation";
/** The longest a timer of Node's can wait. */
const longest = names.split(" ").map((name) => `--${name}=2147483647ms`);

describe("a server whose times are all as long as they can be", () => {
  for (const model of ["loop", "sync", "threads", "thread-per-request"]) {
    test(`serves, is replaced and stops under the model ${model}`, async () => {
      await using server = await startServer(app, ["--model", model, "--threads", "1", ...longest]);
      const get = async (): Promise<number> => {
        const answer = await fetch(server.url, {
          headers: { connection: "close" },
          signal: AbortSignal.timeout(30_000),
        });
        await answer.text();
        return answer.status;
      };
      assert.equal(await get(), 200);
      const before = server.mark();
      server.signal("SIGHUP");
      await server.waitForLog(/generation 2: serving/, before);
      assert.equal(await get(), 200);
      assert.doesNotMatch(server.stderr(), /"level":(?:40|50|60)|TimeoutOverflowWarning/);
    });
  }

  test("is checked", async () => {
    const { code, stderr } = await runHeddle(["check", app, ...longest]);
    assert.deepEqual([code, stderr], [0, ""]);
  });
});
