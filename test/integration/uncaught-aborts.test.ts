import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { RawConnection } from "../support/raw-connection.ts";
import { startServer, type TestServer } from "../support/server.ts";

const app = new URL("../fixtures/http/uncaught-aborts.ts", import.meta.url).pathname;

for (const model of ["loop", "threads", "tasks"]) {
  describe(`rejections that nobody catches, because a request has ended, under ${model}`, () => {
    let server: TestServer;
    before(async () => {
      server = await startServer(app, ["--threads", model === "threads" ? "2" : "1", "--model", model]);
    });
    after(() => server[Symbol.asyncDispose]());

    /** A thread or worker that is replaced is told before a later request is answered. */
    async function replacesNothing(mark: number): Promise<void> {
      for (let at = 0; at < 5; at++) assert.equal((await fetch(server.url)).status, 200);
      assert.doesNotMatch(server.output(mark), /uncaught|recycled|replaced/);
    }

    test("a client leaves a stream that the app writes", async () => {
      const mark = server.mark();
      await using client = await RawConnection.open(server.port);
      await client.request("GET /stream HTTP/1.1").head();
      client.destroy();
      await server.waitForLog(/stream: AbortError/, mark);
      await replacesNothing(mark);
    });

    test("HEAD of a stream that the app writes: its writer is told why", async () => {
      const mark = server.mark();
      assert.equal((await fetch(`${server.url}/stream`, { method: "HEAD" })).status, 200);
      await server.waitForLog(/stream: AbortError/, mark);
      await replacesNothing(mark);
    });

    test("a client leaves a request whose signal something waits with", async () => {
      const mark = server.mark();
      await using client = await RawConnection.open(server.port);
      client.request("GET /wait HTTP/1.1");
      await server.waitForLog(/wait: begun/, mark);
      client.destroy();
      await server.waitForLog(/wait: AbortError/, mark);
      await replacesNothing(mark);
    });

    test("it is said once, and every other rejection still replaces", async () => {
      assert.equal(server.output(0).split("because its request had ended").length - 1, 1);
      const mark = server.mark();
      await fetch(`${server.url}/own`);
      await server.waitForLog(/the app's own/, mark);
    });
  });
}
