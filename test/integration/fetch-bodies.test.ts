import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { RawConnection } from "../support/raw-connection.ts";
import { startServer, type TestServer } from "../support/server.ts";

const app = new URL("../fixtures/http/bodies-fetch.ts", import.meta.url).pathname;

for (const model of ["loop", "tasks"]) {
  describe(`a fetch app's bodies that nobody reads to the end, under ${model}`, () => {
    let server: TestServer;
    before(async () => {
      server = await startServer(app, ["--threads", "1", "--model", model]);
    });
    after(() => server[Symbol.asyncDispose]());

    const pid = async (): Promise<string> => await (await fetch(server.url)).text();

    /** What is uncaught costs its worker. It is told before a request that comes later is answered. */
    async function costsNothing(mark: number, before: string): Promise<void> {
      for (let at = 0; at < 5; at++) assert.equal(await pid(), before);
      assert.doesNotMatch(server.output(mark), /uncaught|Invalid state|died/);
    }

    test("a generator that ends because its client has left", async () => {
      const [mark, before] = [server.mark(), await pid()];
      await using client = await RawConnection.open(server.port);
      await client.request("GET /events HTTP/1.1").head();
      client.destroy();
      await server.waitForLog(/the events end/, mark);
      await costsNothing(mark, before);
    });

    test("form data that was asked for with HEAD", async () => {
      const [mark, before] = [server.mark(), await pid()];
      const response = await fetch(`${server.url}/form`, { method: "HEAD" });
      assert.match(response.headers.get("content-type")!, /^multipart\/form-data; boundary=/);
      await costsNothing(mark, before);
    });
  });
}
