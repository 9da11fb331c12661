/** The path and host of a request: an app gets valid ones, under every model. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { RawConnection } from "../support/raw-connection.ts";
import { startServer, type TestServer } from "../support/server.ts";

const models: readonly (readonly [model: string, ...args: string[]])[] = [
  ["loop", "--threads", "1"],
  ["sync"],
  ["threads", "--threads", "2"],
  ["thread-per-request", "--threads", "4"],
];

/** Request line, host, and the two answers: of an app `(req, res)` and of one with `fetch`. */
const served: readonly (readonly [line: string, host: string, seen: string, url: string])[] = [
  ["GET /x?y", "a", "/x?y of a", "/x?y of a"],
  ["GET /x", "A.Example:80", "/x of A.Example:80", "/x of a.example"],
  ["GET /x", "foo:", "/x of foo:", "/x of foo"],
  ["GET /x", "foo.:8080", "/x of foo.:8080", "/x of foo.:8080"],
  ["GET /x", "my_host", "/x of my_host", "/x of my_host"],
  ["GET /x", "a!$&'b", "/x of a!$&'b", "/x of a!$&'b"],
  ["GET /x", "[0::1]:443", "/x of [0::1]:443", "/x of [::1]:443"],
  ["GET /x", "10.0.0.1:00080", "/x of 10.0.0.1:00080", "/x of 10.0.0.1"],
  ["GET //x", "a", "//x of a", "//x of a"],
  ["GET http://b:81/x?y", "a", "/x?y of b:81", "/x?y of b:81"],
  ["GET https://b", "a", "/ of b", "/ of b"],
  ["OPTIONS *", "a", "* of a", "/* of a"],
  ["OPTIONS http://b", "a", "* of b", "/* of b"],
];

const refused: readonly (readonly [line: string, host: string])[] = [
  ...[
    "a@b",
    "a/b",
    "a, b",
    "a b",
    "a:abc",
    "a:99999",
    ":80",
    "%61",
    "\xe4",
    "[::1",
    "[v1.a]",
    "1.2.3",
    "a?b",
    "a\\b",
  ].map((host) => ["GET /x", host] as const),
  ...["*", "http:///x", "ftp://b/x", "mailto:x", "foo:bar", "example.com/x", "http://u@b/x", "/x#y", "/\xe4"].map(
    (target) => [`GET ${target}`, "a"] as const,
  ),
];

for (const [model, ...args] of models) {
  for (const shape of ["listener", "fetch"] as const) {
    describe(`what an app of the shape ${shape} is asked for under ${model}`, () => {
      let server: TestServer;
      before(async () => {
        const file = shape === "fetch" ? "heads-fetch.ts" : "heads.ts";
        const app = new URL(`../fixtures/http/${file}`, import.meta.url).pathname;
        server = await startServer(app, ["--model", model, ...args]);
      });
      after(() => server[Symbol.asyncDispose]());

      const open = (): Promise<RawConnection> => RawConnection.open(server.port);

      test("is a path and a host that are some", async () => {
        for (const [line, host, seen, url] of served) {
          await using client = await open();
          const { status, body } = await client.request(`${line} HTTP/1.1`, [`host: ${host}`]).response();
          assert.deepEqual([status, body], [200, shape === "fetch" ? url : seen], `${line}, ${host}`);
        }
      });

      test("has the server's own address for a host that is empty, or missing in HTTP/1.0", async () => {
        const own = shape === "fetch" ? `127.0.0.1:${server.port}` : "";
        await using client = await open();
        assert.equal((await client.request("GET /x HTTP/1.1", ["host:"]).response()).body, `/x of ${own}`);
        await using old = await open();
        const seen = shape === "fetch" ? own : "undefined";
        assert.equal((await old.write("GET /x HTTP/1.0\r\n\r\n").response()).body, `/x of ${seen}`);
      });

      test("is refused where it is none, without the app", async () => {
        for (const [line, host] of refused) {
          await using client = await open();
          const { status, headers, body } = await client.request(`${line} HTTP/1.1`, [`host: ${host}`]).response();
          const what = `${line}, ${host}`;
          assert.deepEqual([status, headers["connection"], body], [400, "close", "400 Bad Request\n"], what);
          await client.ended();
        }
        assert.doesNotMatch(server.stderr(), /the handler failed/);
      });

      test("is no tunnel", async () => {
        await using client = await open();
        if (model !== "sync") {
          // Answered in turn.
          client.request("GET /x HTTP/1.1").request("CONNECT b:443 HTTP/1.1", [], "\x16\x03\x01");
          assert.equal((await client.response()).status, 200);
        } else client.request("CONNECT b:443 HTTP/1.1");
        const { status, headers } = await client.response();
        assert.deepEqual([status, headers["connection"]], [501, "close"]);
        await client.ended();
      });
    });
  }
}
