import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { startServer } from "../support/server.ts";

const app = new URL("../fixtures/life/talks-to-parent.ts", import.meta.url).pathname;

describe("an app that speaks to whoever has started its thread", () => {
  for (const model of ["loop", "sync", "threads", "thread-per-request"]) {
    test(`is served under the model ${model}, and neither heard by the server nor told anything`, async () => {
      await using server = await startServer(app, ["--model", model, "--threads", "1"]);
      const get = async (path: string): Promise<unknown> => {
        const headers = { connection: "close" };
        const answer = await fetch(`${server.url}${path}`, { headers, signal: AbortSignal.timeout(30_000) });
        return await answer.json();
      };
      // A main thread has none, as in bare Node.
      const nothing = { told: [], workerData: model === "loop" || model === "sync" ? null : {} };
      assert.deepEqual(await get("/"), nothing);
      assert.deepEqual(await get("/close"), nothing);
      assert.deepEqual(await get("/"), nothing);
      const before = server.mark();
      server.signal("SIGHUP");
      await server.waitForLog(/generation 2: serving/, before);
      assert.deepEqual(await get("/"), nothing);
      assert.doesNotMatch(server.stderr(), /not the server's|"level":(?:40|50|60)/);
      const { code } = await server.stop();
      assert.equal(code, 0);
    });
  }
});
