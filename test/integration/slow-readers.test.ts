/**
 * A client that reads nothing of its answer is disconnected after the write timeout. A stream that waits for its source is not.
 */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { RawConnection } from "../support/raw-connection.ts";
import { startServer, type TestServer } from "../support/server.ts";

const app = fileURLToPath(new URL("../fixtures/http/pipelined.ts", import.meta.url));

for (const model of ["loop", "sync", "threads", "thread-per-request", "tasks", "actors"] as const) {
  describe(`a client that does not read, under ${model}`, () => {
    let server: TestServer;
    before(async () => {
      const shape = model === "sync" ? ["-w", "2"] : ["-t", "2"];
      server = await startServer(app, ["-m", model, ...shape, "--write-timeout", "500ms", "--queue-timeout", "0"]);
    });
    after(() => server.stop());

    test("holds its handler no longer than the write timeout", async () => {
      const mark = server.mark();
      const clients = await Promise.all(["a", "b"].map(() => RawConnection.open(server.port)));
      clients[0]!.request("GET /endless?id=a HTTP/1.1");
      clients[1]!.request("GET /endless?id=b HTTP/1.1");
      // Both threads, or workers, are taken; this one is answered when one of them is let go.
      await server.waitForLog(/begin GET a/, mark);
      await server.waitForLog(/begin GET b/, mark);
      assert.equal(await (await fetch(`${server.url}/?id=next`)).text(), "GET next 0");
      await server.waitForLog(/close a/, mark);
      await server.waitForLog(/close b/, mark);
      for (const client of clients) client.destroy();
    });

    test("but a response that waits for its source goes on", async () => {
      await using client = await RawConnection.open(server.port);
      client.request("GET /quiet?id=q&pause=1500 HTTP/1.1");
      assert.equal((await client.response()).body, "begunGET q 0");
    });
  });
}
