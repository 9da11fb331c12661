/** What an app has given to `createServer` for its requests and responses counts, under every model. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { RawConnection } from "../support/raw-connection.ts";
import { startServer, type TestServer } from "../support/server.ts";

const app = fileURLToPath(new URL("../fixtures/http/own-messages.ts", import.meta.url));

describe("an app's own classes of messages", () => {
  let server: TestServer;
  before(async () => {
    server = await startServer(app, ["-w", "1", "-t", "1"]);
  });
  after(() => server[Symbol.asyncDispose]());

  for (const path of ["/loop", "/threads", "/fresh", "/tasks"]) {
    test(`are what its handler gets (${path})`, async () => {
      await using client = await RawConnection.open(server.port);
      const { status, body } = await client.request(`GET ${path}?q HTTP/1.1`, ["age: 1", "age: 2"]).response();
      assert.equal(status, 200);
      assert.deepEqual(JSON.parse(body), { path, age: "1, 2" });
    });

    test(`refuse a body where there is none (${path})`, async () => {
      const mark = server.mark();
      await fetch(`${server.url}${path}`, { method: "HEAD" });
      await server.waitForLog(/refused: ERR_HTTP_BODY_NOT_ALLOWED/, mark);
    });
  }

  test("the upgrades that it does not choose are ordinary requests", async () => {
    const offer = ["connection: upgrade", "upgrade: test"];
    await using taken = await RawConnection.open(server.port);
    assert.match(await taken.request("GET /taken HTTP/1.1", offer).rest(), /^HTTP\/1.1 101 /);
    await using other = await RawConnection.open(server.port);
    const { status, body } = await other.request("GET /other HTTP/1.1", offer).response();
    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(body), { path: "/other", upgrade: "test" });
    assert.equal((await other.request("GET /again HTTP/1.1").response()).status, 200);
  });
});
