/**
 * Where a response ends: an app's headers and its writes may differ, but no client may take the rest of one response for the
 * next. Tests every model, and the shapes of app that write responses in different ways.
 */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { type PlainServer, servePlain } from "../support/in-process.ts";
import { RawConnection, type RawResponse } from "../support/raw-connection.ts";
import { startServer, type TestServer } from "../support/server.ts";

const models: readonly (readonly [model: string, ...args: string[]])[] = [
  ["loop", "--threads", "1"],
  ["sync"],
  ["threads", "--threads", "2"],
  ["thread-per-request", "--threads", "4"],
  ["tasks", "--threads", "2"],
  ["actors", "--threads", "1"],
];
const shapes = { listener: "framing.ts", express: "framing-express.ts", fetch: "framing-fetch.ts" };
const HELLO = "GET /hello HTTP/1.1";
/** Requests of a connection. */
const LIMIT = 10;

interface Fine {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body?: string;
  readonly status?: number;
  readonly method?: string;
}

const chunked = { "transfer-encoding": "chunked", "content-length": undefined };
const ofLength5 = { "transfer-encoding": undefined, "content-length": "5" };
const silent = { "transfer-encoding": undefined, "content-length": undefined };

/** What ends where it says: another request on its connection is answered. */
const fine: Readonly<Record<string, Fine>> = {
  "/exact": { headers: ofLength5 },
  "/exact-writes": { headers: { "content-length": "6" }, body: Buffer.from("grüß").toString("latin1") },
  "/chunked": { headers: chunked },
  "/chunked-with-length": { headers: chunked },
  "/stream": { headers: { ...chunked, trailer: undefined } },
  "/identity": { headers: ofLength5 },
  "/length-nan": { headers: {} },
  "/length-negative": { headers: {} },
  "/length-text": { headers: chunked },
  "/length-twice": { headers: ofLength5 },
  "/lengths-differ": { headers: {} },
  "/no-content": { status: 204, headers: silent, body: "" },
  "/not-modified": { status: 304, headers: { "content-length": "5" }, body: "" },
  "/short-end": { method: "HEAD", headers: { "content-length": "10" }, body: "" },
};

/** What ends its connection, and what its client gets of it. */
const faulty: Readonly<Record<string, Partial<RawResponse>>> = {
  "/short-end": { body: "hello", complete: false },
  "/short-writes": { body: "hello", complete: false },
  "/short-nothing": { body: "", complete: false },
  "/short-pipe": { body: "a".repeat(90_000), complete: false },
  "/long-end": {
    body: Buffer.from("grü").toString("latin1") + Buffer.from("ß").toString("latin1")[0]!,
    complete: true,
  },
  "/long-writes": { body: "hello", complete: true },
  "/long-pipe": { body: "a".repeat(100_000), complete: true },
};

/** What a proxy passes on: its length is that of the compressed body. */
const compressed = gzipSync("a".repeat(10_000));
let upstream: PlainServer;
before(async () => {
  upstream = await servePlain((_req, res) => {
    res.writeHead(200, { "content-encoding": "gzip", "content-length": compressed.length, connection: "keep-alive" });
    res.end(compressed);
  });
});
after(() => upstream[Symbol.asyncDispose]());

for (const [model, ...args] of models) {
  for (const [shape, file] of Object.entries(shapes)) {
    // What Express does to a response it does on either kind of thread.
    if (shape === "express" && model !== "loop" && model !== "threads") continue;
    describe(`the framing of an app of the shape ${shape} under ${model}`, () => {
      const keepsConnections = model !== "sync";
      let server: TestServer;
      before(async () => {
        const app = new URL(`../fixtures/http/${file}`, import.meta.url).pathname;
        const settings = `--log-format json --keep-alive 1m --limit-keep-alive ${LIMIT}`.split(" ");
        const UPSTREAM = `http://127.0.0.1:${upstream.port}/`;
        // What shows that a connection goes on needs no thread of its own.
        const env = model === "thread-per-request" ? { UPSTREAM, HELLO_MODEL: "loop" } : { UPSTREAM };
        server = await startServer(app, ["--model", model, ...args, ...settings], { env });
      });
      after(() => server[Symbol.asyncDispose]());

      const open = (): Promise<RawConnection> => RawConnection.open(server.port);

      async function isServedOn(client: RawConnection): Promise<void> {
        if (!keepsConnections) return client.ended();
        assert.equal((await client.request(HELLO).response()).body, "hello");
      }

      for (const [path, { headers, body = "hello", status = 200, method = "GET" }] of Object.entries(fine)) {
        test(`${method} ${path} ends where it says`, async () => {
          await using client = await open();
          const answer = await client.request(`${method} ${path} HTTP/1.1`).response(method);
          assert.deepEqual([answer.status, answer.body, answer.complete], [status, body, true]);
          for (const [name, value] of Object.entries(headers)) assert.equal(answer.headers[name], value, name);
          assert.match(answer.headers["content-length"] ?? "0", /^\d+$/);
          assert.equal("transfer-encoding" in answer.headers && "content-length" in answer.headers, false);
          await isServedOn(client);
        });
      }

      for (const [path, expected] of Object.entries(faulty)) {
        test(`${path} is not followed by another response`, async () => {
          await using client = await open();
          client.request(`GET ${path} HTTP/1.1`);
          // Sent before the first is answered.
          if (keepsConnections) client.request(HELLO);
          const { body, complete } = await client.response();
          assert.deepEqual({ body, complete }, expected);
          await client.ended();
          await using another = await open();
          assert.equal((await another.request(HELLO).response()).body, "hello");
        });
      }

      test("a source that goes on beyond the length is let go", async () => {
        const mark = server.mark();
        await using client = await open();
        await client.request("GET /long-pipe HTTP/1.1").response();
        await server.waitForLog(/the source was let go/, mark);
        await isServed();
        assert.doesNotMatch(server.output(mark), /the handler failed/);
      });

      async function isServed(): Promise<void> {
        await using client = await open();
        assert.equal((await client.request(HELLO).response()).body, "hello");
      }

      test("another coding goes before chunked, which is last and there once", async () => {
        for (const [path, coding] of [
          ["/coded", "gzip, chunked"] as const,
          ["/coded-wrongly", "x, chunked"] as const,
        ]) {
          await using client = await open();
          const { headers } = await client.request(`GET ${path} HTTP/1.1`).head();
          assert.deepEqual([headers["transfer-encoding"], headers["content-length"]], [coding, undefined]);
          const { body } = await client.body({ "transfer-encoding": "chunked" });
          assert.equal(body, "hello");
          await isServedOn(client);
        }
      });

      test("HTTP/1.0 gets bodies without chunks, whatever the app says", async () => {
        for (const path of ["/chunked", "/chunked-with-length", "/coded", "/stream"]) {
          await using client = await open();
          client.write(`GET ${path} HTTP/1.0\r\nte: chunked\r\n\r\n`);
          const { headers, body } = await client.response();
          assert.deepEqual([headers["transfer-encoding"], body], [undefined, "hello"], path);
          await client.ended();
        }
      });

      test("an app that says keep-alive keeps no connection that the server ends", async () => {
        await using client = await open();
        const { headers } = await client.request("GET /keeps-alive HTTP/1.1", ["connection: close"]).response();
        assert.deepEqual([headers["connection"], headers["keep-alive"]], ["close, x-hop", undefined]);
        await client.ended();
        if (!keepsConnections) return;
        await using busy = await open();
        for (let request = 1; request < LIMIT; request++) {
          const { headers: kept } = await busy.request("GET /keeps-alive HTTP/1.1").response();
          assert.equal(kept["connection"], "x-hop");
          for (const name of ["proxy-connection", "keep-alive", ...(shape === "fetch" ? ["upgrade", "trailer"] : [])])
            assert.equal(kept[name], undefined, name);
        }
        assert.match(
          (await busy.request("GET /keeps-alive HTTP/1.1").response()).headers["connection"] ?? "",
          /^close/,
        );
        await busy.ended();
      });

      test("an app may end its connection, and what comes after is not run", async () => {
        const mark = server.mark();
        await using client = await open();
        client.request("GET /closes HTTP/1.1").request("POST /tell HTTP/1.1", ["content-length: 0"]);
        const { headers } = await client.response();
        assert.deepEqual([headers["connection"], headers["keep-alive"]], ["close", undefined]);
        await client.ended();
        await isServed();
        assert.doesNotMatch(server.output(mark), /this was run/);
      });

      if (shape === "fetch") {
        test("a status that is no answer, or a header that is none, is the app's failure", async () => {
          for (const path of ["/interim", "/bad-header"]) {
            const mark = server.mark();
            await using client = await open();
            assert.equal((await client.request(`GET ${path} HTTP/1.1`).response()).status, 500);
            await server.waitForLog(/"msg":"the handler failed"/, mark);
          }
        });

        test("an answer that fetch() has decompressed, and that is passed on as it is, is cut off and told of", async () => {
          const mark = server.mark();
          await using client = await open();
          client.request("GET /proxied HTTP/1.1");
          if (keepsConnections) client.request(HELLO);
          const { body, headers } = await client.response();
          assert.deepEqual([headers["content-length"], body], [`${compressed.length}`, "a".repeat(compressed.length)]);
          await client.ended();
          await server.waitForLog(/fetch\(\) decompresses what it gets: delete content-encoding/, mark);
        });

        test("426 says to what", async () => {
          await using client = await open();
          const { headers } = await client.request("GET /upgrade-required HTTP/1.1").response();
          assert.equal(headers["upgrade"], "websocket");
          assert.match(headers["connection"] ?? "", /upgrade/);
        });
      } else {
        test("an interim status in place of an answer ends the connection", async () => {
          await using client = await open();
          if (keepsConnections) client.request("GET /interim HTTP/1.1").request(HELLO);
          else client.request("GET /interim HTTP/1.1");
          assert.equal((await client.response()).status, 102);
          await client.ended();
          await server.waitForLog(/the app answered with status 102/);
        });

        test("what is missing for a client that has left, or was answered 504, is no fault", async () => {
          const mark = server.mark();
          await using client = await open();
          await client.request("GET /left HTTP/1.1").head();
          client.destroy();
          await server.waitForLog(/wrote for nobody/, mark);
          await using late = await open();
          assert.equal((await late.request("GET /late HTTP/1.1").response()).status, 504);
          await server.waitForLog(/wrote late/, mark);
          await isServedOn(late);
          assert.doesNotMatch(server.output(mark), /"fault"/);
        });

        test("HTTP/1.0 gets no interim responses", async () => {
          await using client = await open();
          const { status, body } = await client.write("GET /hints HTTP/1.0\r\n\r\n").response();
          assert.deepEqual([status, body], [200, "hello"]);
        });
      }

      test("each kind of fault is said once for a route, with both numbers", async () => {
        // Everything was asked for by the tests above; once more for all.
        for (const path of ["/long-end", "/long-writes", "/short-end", "/length-nan", "/short-writes"]) {
          await using client = await open();
          await client.request(`GET ${path} HTTP/1.1`).response();
        }
        await isServed();
        await server.waitForLog(/"route":"\/long-end","fault":"too-long","declaredBytes":5,"sentBytes":7/);
        await server.waitForLog(/it declares 10 bytes, and the app wrote 5\. /);
        await server.waitForLog(/the content-length \\"NaN\\", which is not a number of bytes/);
        const said = server.output(0).matchAll(/^.*"level":(\d+).*"route":"([^"]+)","fault":"([^"]+)".*$/gm);
        const places = [...said].map(([, level, route, fault]) => `${level} ${route} ${fault}`).sort();
        assert.deepEqual(
          places,
          [
            "40 * bad-length",
            ...(shape === "fetch" ? [] : ["40 * interim"]),
            "40 * too-long",
            "40 * too-short",
            "40 /long-end too-long",
            "40 /long-writes too-long",
            ...(shape === "fetch" ? ["40 /proxied too-long"] : []),
          ].sort(),
        );
      });

      test("no thread was lost to any of this", () => {
        assert.doesNotMatch(server.stderr(), /the thread is replaced|serving thread \d+ died|was blocked|is ended/);
      });
    });
  }
}
