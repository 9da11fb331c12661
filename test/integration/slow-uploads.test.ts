/** A slow upload holds no handler thread, a large one no more than its share, and the memory for both is bounded. */

import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { RawConnection } from "../support/raw-connection.ts";
import { startServer, type TestServer } from "../support/server.ts";

const app = fileURLToPath(new URL("../fixtures/http/uploads.ts", import.meta.url));
const KIB = 1024;

for (const model of ["threads", "thread-per-request"] as const) {
  describe(`uploads under ${model}`, { concurrency: 2 }, () => {
    async function serve(t: TestContext, ...flags: string[]): Promise<TestServer> {
      const server = await startServer(app, ["-m", model, "-t", "2", ...flags]);
      t.after(() => server.stop());
      return server;
    }

    /** The head of a POST, and so much of its body. */
    async function begin(t: TestContext, { port }: TestServer, length: number, sent: number): Promise<RawConnection> {
      const client = await RawConnection.open(port);
      t.after(() => client.destroy());
      return client.request("POST /slow HTTP/1.1", [`content-length: ${length}`], "x".repeat(sent));
    }

    const isServed = async ({ url }: TestServer): Promise<void> => {
      const answer = await fetch(`${url}/quick`, {
        method: "POST",
        body: "quick",
        signal: AbortSignal.timeout(60_000),
      });
      assert.equal(await answer.text(), "5 bytes");
    };

    test("that arrive slowly hold no thread, and are served when they are complete", async (t) => {
      const server = await serve(t);
      const slow = await Promise.all([1, 2, 3].map(() => begin(t, server, 100, 10)));
      await isServed(server);
      // One may have been taken for a client that waits for an answer: on a busy machine it pauses long enough.
      assert.ok(server.stdout().split("begin /slow").length <= 2, server.stdout());
      for (const client of slow) client.write("x".repeat(90));
      for (const client of slow) assert.equal((await client.response()).body, "100 bytes");
    });

    test("that are larger than the buffer do not hold all of the threads, and wait their time", async (t) => {
      const server = await serve(t, "--body-buffer", "64KiB", "--queue-timeout", "6s");
      const large = await Promise.all([1, 2, 3].map(() => begin(t, server, 300 * KIB, 100 * KIB)));
      await server.waitForLog(/begin \/slow/);
      await isServed(server);
      const statuses: number[] = [];
      const { promise: both, resolve } = Promise.withResolvers<void>();
      const answers = large.map(async (client) => {
        if (statuses.push((await client.response()).status) === 2) resolve();
      });
      // Before the third one gives its thread to one of them.
      await both;
      for (const client of large) client.write("x".repeat(200 * KIB));
      await Promise.all(answers);
      assert.deepEqual(
        statuses.toSorted((a, b) => a - b),
        [200, 503, 503],
      );
    });

    test("beyond the memory for bodies are served all the same", async (t) => {
      const server = await serve(t, "--body-memory", "256KiB", "--queue-timeout", "0");
      const body = "x".repeat(200 * KIB);
      const answers = Array.from({ length: 12 }, async () => {
        const answer = await fetch(server.url, { method: "POST", body });
        return await answer.text();
      });
      for (const answer of await Promise.all(answers)) assert.equal(answer, `${200 * KIB} bytes`);
    });

    test("whose client waits for an answer before it goes on get a thread", async (t) => {
      const server = await serve(t);
      await using client = await RawConnection.open(server.port);
      client.request("POST /echo HTTP/1.1", ["transfer-encoding: chunked"], "4\r\nping\r\n");
      const { headers } = await client.head();
      assert.equal(headers["transfer-encoding"], "chunked");
      client.write("0\r\n\r\n");
      assert.equal((await client.body(headers)).body, "ping");
    });

    test("that are slower than the minimum rate are ended, without a thread", async (t) => {
      const server = await serve(t, "--body-idle-timeout", "600ms", "--body-min-rate", "10KiB");
      const client = await begin(t, server, 100 * KIB, 10);
      const drip = setInterval(() => client.write("x"), 50);
      t.after(() => clearInterval(drip));
      assert.equal((await client.response()).status, 408);
      assert.doesNotMatch(server.stdout(), /begin/);
    });

    test("that were held back while they waited for their turn are taken in, also when no thread is free for one", async (t) => {
      const server = await serve(t, "--body-buffer", "256KiB", "--body-idle-timeout", "3s", "--queue-timeout", "0");
      // Takes the one place for uploads that are read as they arrive, and keeps it.
      const slow = await begin(t, server, 900 * KIB, 300 * KIB);
      const drip = setInterval(() => slow.write("x".repeat(KIB)), 100);
      t.after(() => clearInterval(drip));
      await server.waitForLog(/begin \/slow/);
      await using client = await RawConnection.open(server.port);
      const size = 200 * KIB;
      client.request("POST /later HTTP/1.1", ["content-length: 1"], "x");
      client.request("POST / HTTP/1.1", [`content-length: ${size}`], "x".repeat(size));
      assert.equal((await client.response()).body, "1 bytes");
      assert.equal((await client.response()).body, `${size} bytes`);
      // A stop would wait for it.
      slow.destroy();
    });

    test("that may only come when their turn has come are asked for", async (t) => {
      const server = await serve(t);
      await using client = await RawConnection.open(server.port);
      client.request("POST / HTTP/1.1", ["content-length: 4", "expect: 100-continue"]);
      assert.equal((await client.response()).status, 100);
      client.write("body");
      assert.equal((await client.response()).body, "4 bytes");
    });

    test("whose client leaves give back what they held", async (t) => {
      const server = await serve(t, "--body-memory", "100KiB");
      for (let i = 0; i < 5; i++) {
        const client = await begin(t, server, 100 * KIB, 10);
        client.destroy();
      }
      await isServed(server);
      const client = await begin(t, server, 90 * KIB, 90 * KIB);
      assert.equal((await client.response()).body, `${90 * KIB} bytes`);
    });
  });
}
